package dev.quern.demo;

import dev.quern.core.DType;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
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
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/// Trains the demo model from nothing: its tokenizer, then its weights, on text made as it is needed.
///
/// The batch is always cut into the same shards, whose gradients are added in order, so the result depends on the seed
/// and not on the number of cores.
public final class TrainDemo {
    private static final int SHARDS = 2;
    private static final String EMBEDDING = "model.embed_tokens.weight";

    /// `batch` sequences of `length` tokens a step; the rate rises over the first 4 % of steps and falls to a
    /// twentieth.
    public record Config(int steps, int batch, int length, double peakRate, long seed) {
        public static final Config DEFAULT = new Config(4000, 8, 256, 3e-3, 0);
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

    /// `out-directory [steps]`.
    public static void main(String[] args) {
        Config config = Config.DEFAULT;
        if (args.length > 1) {
            config = new Config(Integer.parseInt(args[1]), config.batch, config.length, config.peakRate, config.seed);
        }
        Result result = run(Path.of(args[0]), config, line -> System.err.println(line));
        System.err.println(result);
    }

    private Result train() {
        long start = System.nanoTime();
        String sample = DemoText.training(config.seed).next(2_000_000);
        for (String special : DemoFiles.SPECIALS) {
            sample = sample.replace(special, "\n");
        }
        DemoFiles.writeText(out, BpeTrainer.train(sample, DemoFiles.VOCABULARY, DemoFiles.SPECIALS));
        log.accept("tokenizer written");
        initialize();
        LearningRate rate = LearningRate.cosine(
                config.peakRate, config.peakRate / 20, Math.max(1, config.steps / 25), config.steps);
        double recent = 0;
        try (Tokenizer tokenizer = Tokenizer.ofDirectory(out);
                AdamW adam = new AdamW(parameters, AdamW.Config.DEFAULT);
                ExecutorService workers = Executors.newFixedThreadPool(SHARDS)) {
            TokenStream stream = new TokenStream(tokenizer, DemoText.training(config.seed + 1));
            for (int step = 0; step < config.steps; step++) {
                double loss = step(stream, adam, rate.at(step), workers);
                recent = step < 100 ? (recent * step + loss) / (step + 1) : recent * 0.99 + loss * 0.01;
                if (step % 25 == 24) {
                    progress(step + 1, recent, start);
                }
                if (step % 250 == 249) {
                    save();
                }
            }
            save();
            double heldOut = heldOutLoss(tokenizer);
            parameters.forEach(TorchTensor::release);
            long tokens = (long) config.steps * config.batch * config.length;
            return new Result(config.steps, tokens, recent, heldOut, (System.nanoTime() - start) / 1e9);
        }
    }

    private void progress(int done, double loss, long start) {
        double seconds = (System.nanoTime() - start) / 1e9;
        log.accept(String.format(
                Locale.ROOT,
                "step %d/%d  loss %.4f  %.0f tokens/s  %.0f s left",
                done,
                config.steps,
                loss,
                (double) done * config.batch * config.length / seconds,
                seconds / done * (config.steps - done)));
    }

    /// Normal values of deviation 0.02, smaller where a projection adds to the residual stream; norms are one.
    private void initialize() {
        Random random = new Random(config.seed);
        TorchScope.run(() -> {
            add(EMBEDDING, random, 0.02, DemoFiles.VOCABULARY, DemoFiles.HIDDEN);
            for (Linear linear : network.linears()) {
                boolean residual = switch (linear.role()) {
                    case O, DOWN -> true;
                    case Q, K, V, GATE, UP, HEAD -> false;
                };
                double deviation = 0.04 / (residual ? Math.sqrt(2.0 * DemoFiles.LAYERS) : 1);
                add(linear.weightName(), random, deviation, linear.outFeatures(), linear.inFeatures());
            }
            for (Norm norm : network.norms()) {
                names.add(norm.name());
                parameters.add(TorchTensor.full(1, norm.size()).retain());
            }
        });
    }

    private void add(String name, Random random, double deviation, int rows, int cols) {
        float[] values = new float[rows * cols];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        names.add(name);
        parameters.add(TorchTensor.of(values, rows, cols).retain());
    }

    private double step(TokenStream stream, AdamW adam, double rate, ExecutorService workers) {
        List<List<int[]>> shards = new ArrayList<>();
        for (int shard = 0; shard < SHARDS; shard++) {
            List<int[]> sequences = new ArrayList<>();
            for (int i = shard; i < config.batch; i += SHARDS) {
                sequences.add(stream.next(config.length + 1));
            }
            shards.add(sequences);
        }
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

    private void save() {
        DemoFiles.writeWeights(out, rounded());
    }
}
