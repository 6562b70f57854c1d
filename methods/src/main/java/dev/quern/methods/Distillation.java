package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantScheme;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Stage;
import dev.quern.torch.AdamW;
import dev.quern.torch.FakeQuant;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// ZeroQuant's layer-by-layer distillation: the block's own float weights teach the block whose weights and inputs
/// are
/// quantized; both read what the quantized blocks before them produce, so no second model is needed.
///
/// Rounding passes gradients straight through. A step reads one sequence. Adam without decay.
final class Distillation {
    private static final AdamW.Config ADAM = new AdamW.Config(0.9, 0.95, 1e-8, 0);
    private static final double MAX_NORM = 1;

    private final BlockTask task;
    private final ZeroQuant.Config config;

    Distillation(BlockTask task, ZeroQuant.Config config) {
        this.task = task;
        this.config = config;
    }

    /// Trains the selected Linears' weights in place; returns what went wrong, null where nothing did.
    @Nullable
    String run() {
        List<Linear> linears = task.selected();
        int[] sequences = task.training();
        return TorchScope.call(() -> {
            TorchOps teacher = new TorchOps(task.parameters().torch());
            List<TorchTensor> students = new ArrayList<>();
            for (Linear linear : linears) {
                students.add(TorchTensor.of(task.parameters().weight(linear), linear.outFeatures(), linear.inFeatures())
                        .requireGrad());
            }
            try (AdamW adam = new AdamW(students, ADAM)) {
                for (int step = 0; step < config.steps(); step++) {
                    task.status()
                            .at("distilling, step " + step + " of " + config.steps(), (double) step / config.steps());
                    int sequence = sequences[step % sequences.length];
                    // a cosine to zero, so that the last steps settle
                    double rate = config.rate() * (1 + Math.cos(Math.PI * step / config.steps())) / 2;
                    if (!step(teacher, linears, students, sequence, adam, rate)) {
                        return "the weights as they were: the loss of step " + step + " is not finite";
                    }
                }
            }
            for (int i = 0; i < students.size(); i++) {
                students.get(i).copyTo(task.parameters().weight(linears.get(i)), 0);
            }
            return null;
        });
    }

    private boolean step(
            TorchOps teacher, List<Linear> linears, List<TorchTensor> students, int sequence, AdamW adam, double rate) {
        return TorchScope.call(() -> {
            TorchTensor x = task.quantized(sequence);
            TorchTensor wanted =
                    TorchScope.keep(() -> Torch.noGrad(() -> task.block().forward(teacher, x)));
            TorchTensor found = task.block().forward(new TorchOps(held(linears, students)), x);
            TorchTensor loss = found.sub(wanted)
                    .square()
                    .mean(-1)
                    .div(wanted.square().mean(-1).add(1e-12))
                    .mean();
            if (!Double.isFinite(loss.item())) {
                return false;
            }
            loss.backward();
            List<TorchTensor> gradients = new ArrayList<>();
            for (TorchTensor student : students) {
                gradients.add(student.grad().orElseThrow());
            }
            boolean finite = gradients.stream().allMatch(TorchTensor::isFinite);
            if (finite) {
                AdamW.clip(gradients, MAX_NORM);
                adam.step(gradients, rate);
            }
            gradients.forEach(gradient -> gradient.mulInPlace(0));
            return finite;
        });
    }

    /// The block with rounded students in the place of its weights, inputs quantized as they will be.
    private BlockWeights held(List<Linear> linears, List<TorchTensor> students) {
        BlockWeights weights = task.parameters().tensors();
        Map<Linear, TorchTensor> rounded = new HashMap<>();
        for (int i = 0; i < linears.size(); i++) {
            rounded.put(linears.get(i), rounded(students.get(i)));
        }
        rounded.forEach(weights::replace);
        // a stored range is that of the finished weights: while they move, each token's own stands in
        LinearInput input = LinearInput.dynamic(dynamic());
        for (Stage stage : task.block().stages()) {
            for (Linear linear : stage.linears()) {
                if (rounded.containsKey(linear)) {
                    weights.setInput(
                            linear, input.withTransforms(task.parameters().transforms(linear)));
                }
            }
        }
        return weights;
    }

    private ActivationScheme dynamic() {
        return task.target().activations().perToken();
    }

    /// The value of the nearest codes; the gradient reaches the weight as it is.
    private TorchTensor rounded(TorchTensor weight) {
        int rows = weight.size(0);
        int cols = weight.size(1);
        QuantScheme scheme = task.target().weights() instanceof WeightFormat.Grouped(QuantScheme s)
                ? s
                : new QuantScheme(8, 0, true);
        int group = scheme.groupSizeFor(cols);
        TorchTensor nearest = Torch.noGrad(() -> {
            TorchTensor groups = weight.detach().reshape((long) rows * (cols / group), group);
            return (scheme.symmetric()
                            ? FakeQuant.symmetric(groups, scheme.bits())
                            : FakeQuant.asymmetric(groups, scheme.bits()))
                    .reshape(rows, cols);
        });
        return weight.add(nearest.sub(weight).detach());
    }
}
