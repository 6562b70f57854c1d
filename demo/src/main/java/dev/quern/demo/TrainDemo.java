package dev.quern.demo;

import dev.quern.core.DType;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.formats.Safetensors;
import dev.quern.formats.SafetensorsFile;
import dev.quern.models.Architectures;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.text.Tokenizer;
import dev.quern.torch.AdamW;
import dev.quern.torch.LearningRate;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchOps;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import dev.quern.torch.TorchWeights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Trains the demo model from nothing: its tokenizer, then its weights, on text made as it is needed.
///
/// The batch is always cut into the same shards, whose gradients are added in order, so the result depends on the seed
/// and not on the number of cores. What a stopped run left in `out` is taken up again, and the end is the same.
public final class TrainDemo {
    private static final int SHARDS = 2;
    private static final String EMBEDDING = "model.embed_tokens.weight";

    /// `batch` sequences of `length` tokens a step; the rate rises over the first 4 % of steps and falls to a
    /// twentieth. Every `saveEvery` steps the state is saved and a line of progress logged. `start` is a model
    /// directory whose tokenizer and weights are the start; null: nothing is known yet.
    public record Config(
            int steps,
            int batch,
            int length,
            double peakRate,
            long seed,
            int saveEvery,
            @Nullable Path start) {
        public static final Config DEFAULT = new Config(4000, 8, 256, 3e-3, 0, 50, null);
    }

    /// How it ended: the mean loss of the last hundred steps and on held-out text, in nats a token, with weights as
    /// stored.
    public record Result(int steps, long tokens, double trainingLoss, double heldOutLoss, double seconds) {}

    private final Path out;
    private final Config config;
    private final Consumer<String> log;
    private final Network network;
    private final List<String> names = new ArrayList<>();
    private final List<TorchTensor> parameters = new ArrayList<>();

    private TrainDemo(Path out, Config config, Consumer<String> log) {
        this.out = out;
        this.config = config;
        this.log = log;
        this.network = Architectures.ofConfig(DemoFiles.config()).orElseThrow().network(DemoFiles.config());
    }

    /// Trains and writes a model directory to `out`; a line of progress goes to `log` every so often.
    public static Result run(Path out, Config config, Consumer<String> log) {
        Torch.load();
        return new TrainDemo(out, config, log).train();
    }

    private Result train() {
        long begun = System.nanoTime();
        TrainingFile file = new TrainingFile(out, config);
        Optional<TrainingFile.State> state = file.read();
        if (state.isEmpty()) {
            writeTokenizer();
        }
        initialize(state);
        try (Tokenizer tokenizer = Tokenizer.ofDirectory(out)) {
            double loss = steps(tokenizer, file, state);
            double heldOut = heldOutLoss(tokenizer);
            long tokens = (long) config.steps * config.batch * config.length;
            return new Result(config.steps, tokens, loss, heldOut, (System.nanoTime() - begun) / 1e9);
        } finally {
            parameters.forEach(TorchTensor::release);
        }
    }

    /// All steps that are not done yet; the mean loss of the last hundred or so.
    private double steps(Tokenizer tokenizer, TrainingFile file, Optional<TrainingFile.State> state) {
        LearningRate rate = LearningRate.cosine(
                config.peakRate, config.peakRate / 20, Math.max(1, config.steps / 25), config.steps);
        TokenStream stream = new TokenStream(tokenizer, DemoText.training(config.seed + 1));
        try (AdamW adam = new AdamW(parameters, AdamW.Config.DEFAULT);
                ExecutorService workers = Executors.newFixedThreadPool(SHARDS)) {
            state.ifPresent(known -> adam.restore(known.moments()));
            double recent = state.map(TrainingFile.State::loss).orElse(0.0);
            int first = state.map(known -> known.moments().step()).orElse(0);
            for (int step = 0; step < first; step++) {
                shards(stream);
            }
            long start = System.nanoTime();
            for (int step = first; step < config.steps; step++) {
                double loss = step(shards(stream), adam, rate.at(step), workers);
                recent = step < 100 ? (recent * step + loss) / (step + 1) : recent * 0.99 + loss * 0.01;
                if ((step + 1) % config.saveEvery == 0) {
                    file.write(names, parameters, adam.state(), recent);
                    DemoFiles.writeWeights(out, rounded());
                    progress(step + 1 - first, config.steps - first, step + 1, recent, start);
                }
            }
            DemoFiles.writeWeights(out, rounded());
            file.delete();
            return recent;
        }
    }

    private void writeTokenizer() {
        if (config.start != null) {
            DemoFiles.copyText(config.start, out);
            return;
        }
        String sample = DemoText.training(config.seed).next(2_000_000);
        for (String special : DemoFiles.SPECIALS) {
            sample = sample.replace(special, "\n");
        }
        DemoFiles.writeText(out, BpeTrainer.train(sample, DemoFiles.VOCABULARY, DemoFiles.SPECIALS));
        log.accept("tokenizer written");
    }

    private void progress(int done, int toDo, int step, double loss, long start) {
        double seconds = (System.nanoTime() - start) / 1e9;
        log.accept(String.format(
                Locale.ROOT,
                "step %d/%d  loss %.4f  %.0f tokens/s  %.0f s left",
                step,
                config.steps,
                loss,
                (double) done * config.batch * config.length / seconds,
                seconds / done * (toDo - done)));
    }

    /// What the stopped run had, else what `start` has, else random values: normal of deviation 0.02, smaller where a
    /// projection adds to the residual stream; norms are one.
    private void initialize(Optional<TrainingFile.State> state) {
        Random random = new Random(config.seed);
        TorchScope.run(() -> {
            add(EMBEDDING, normal(random, 0.02, DemoFiles.VOCABULARY, DemoFiles.HIDDEN));
            for (Linear linear : network.linears()) {
                boolean residual = switch (linear.role()) {
                    case O, DOWN -> true;
                    case Q, K, V, GATE, UP, HEAD -> false;
                };
                double deviation = 0.04 / (residual ? Math.sqrt(2.0 * DemoFiles.LAYERS) : 1);
                add(linear.weightName(), normal(random, deviation, linear.outFeatures(), linear.inFeatures()));
            }
            for (Norm norm : network.norms()) {
                add(norm.name(), TorchTensor.full(1, norm.size()));
            }
            if (state.isPresent()) {
                take(name -> state.get().parameters().get(name));
            } else if (config.start != null) {
                try (SafetensorsFile weights = Safetensors.open(config.start)) {
                    take(name -> weights.tensor(name).toFloats());
                }
            }
        });
    }

    private void add(String name, TorchTensor parameter) {
        names.add(name);
        parameters.add(parameter.retain());
    }

    private static TorchTensor normal(Random random, double deviation, int rows, int cols) {
        float[] values = new float[rows * cols];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        return TorchTensor.of(values, rows, cols);
    }

    /// Replaces every parameter's values.
    private void take(Function<String, float[]> values) {
        for (int i = 0; i < names.size(); i++) {
            TorchTensor parameter = parameters.get(i);
            parameter.mulInPlace(0);
            parameter.addInPlace(TorchTensor.of(values.apply(names.get(i)), parameter.shape()));
        }
    }

    /// The next step's sequences, split over the shards.
    private List<List<int[]>> shards(TokenStream stream) {
        List<List<int[]>> shards = new ArrayList<>();
        for (int shard = 0; shard < SHARDS; shard++) {
            List<int[]> sequences = new ArrayList<>();
            for (int i = shard; i < config.batch; i += SHARDS) {
                sequences.add(stream.next(config.length + 1));
            }
            shards.add(sequences);
        }
        return shards;
    }

    private double step(List<List<int[]>> shards, AdamW adam, double rate, ExecutorService workers) {
        List<CompletableFuture<Gradients>> running = shards.stream()
                .map(sequences -> CompletableFuture.supplyAsync(() -> gradients(sequences), workers))
                .toList();
        List<Gradients> results = running.stream().map(CompletableFuture::join).toList();
        double loss = 0;
        for (Gradients result : results) {
            loss += result.loss;
        }
        TorchScope.run(() -> {
            List<TorchTensor> total = results.getFirst().tensors;
            for (Gradients result : results.subList(1, results.size())) {
                for (int i = 0; i < total.size(); i++) {
                    total.get(i).addInPlace(result.tensors.get(i));
                }
            }
            AdamW.clip(total, 1);
            adam.step(total, rate);
        });
        results.forEach(result -> result.tensors.forEach(TorchTensor::release));
        return loss;
    }

    /// Retained gradients of the mean loss over the whole batch, and this shard's part of that loss.
    private record Gradients(double loss, List<TorchTensor> tensors) {}

    private Gradients gradients(List<int[]> sequences) {
        return TorchScope.call(() -> {
            Map<String, TorchTensor> leaves = new LinkedHashMap<>();
            for (int i = 0; i < names.size(); i++) {
                leaves.put(names.get(i), parameters.get(i).detach().requireGrad());
            }
            TorchOps ops = new TorchOps(TorchWeights.named(leaves));
            double loss = 0;
            for (int[] sequence : sequences) {
                loss += TorchScope.call(() -> {
                    TorchTensor value = loss(ops, sequence).mul(1.0 / config.batch);
                    value.backward();
                    return value.item();
                });
            }
            List<TorchTensor> gradients = leaves.values().stream()
                    .map(leaf -> leaf.grad().orElseThrow().retain())
                    .toList();
            return new Gradients(loss, gradients);
        });
    }

    private TorchTensor loss(TorchOps ops, int[] sequence) {
        int[] inputs = Arrays.copyOf(sequence, sequence.length - 1);
        int[] targets = Arrays.copyOfRange(sequence, 1, sequence.length);
        return network.logits(ops, network.forward(ops, inputs)).crossEntropy(targets);
    }

    /// The loss on fresh held-out text with the weights rounded as the file has them.
    private double heldOutLoss(Tokenizer tokenizer) {
        TokenStream stream = new TokenStream(tokenizer, DemoText.heldOut(config.seed));
        return TorchScope.call(() -> Torch.noGrad(() -> {
            Map<String, TorchTensor> stored = new LinkedHashMap<>();
            rounded().forEach((name, tensor) -> stored.put(name, TorchTensor.of(tensor)));
            TorchOps ops = new TorchOps(TorchWeights.named(stored));
            double sum = 0;
            for (int i = 0; i < 32; i++) {
                int[] sequence = stream.next(config.length + 1);
                sum += TorchScope.call(() -> loss(ops, sequence).item());
            }
            return sum / 32;
        }));
    }

    private Map<String, Tensor> rounded() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            Shape shape = new Shape(parameters.get(i).shape());
            tensors.put(names.get(i), Tensor.of(DType.BF16, parameters.get(i).toFloats(), shape.sizes()));
        }
        return tensors;
    }
}
