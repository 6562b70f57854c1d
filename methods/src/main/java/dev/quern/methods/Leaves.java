package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// The tensors of what is learned at a block's sites, in float64, in the scope that was open when they were made.
final class Leaves {
    private final Map<Learned, TorchTensor> tensors = new IdentityHashMap<>();

    private Leaves() {}

    /// Copies of the numbers as they are now; with `grad` they gather gradients.
    static Leaves of(List<LearnedSite> sites, boolean grad) {
        Leaves leaves = new Leaves();
        for (LearnedSite site : sites) {
            for (Learned one : site.learned()) {
                TorchTensor leaf = TorchTensor.of(one.values(), one.shape());
                leaves.tensors.put(one, grad ? leaf.requireGrad() : leaf);
            }
        }
        return leaves;
    }

    TorchTensor of(Learned learned) {
        TorchTensor tensor = tensors.get(learned);
        if (tensor == null) {
            throw new IllegalArgumentException(learned.name() + " is of no site");
        }
        return tensor;
    }

    List<TorchTensor> of(List<Learned> learned) {
        return learned.stream().map(this::of).toList();
    }

    /// The gradients that were gathered, zeros where none were.
    Map<Learned, double[]> gradients() {
        Map<Learned, double[]> gradients = new IdentityHashMap<>();
        tensors.forEach((one, leaf) -> gradients.put(
                one, leaf.grad().map(TorchTensor::toDoubles).orElseGet(() -> new double[one.values().length])));
        return gradients;
    }
}
