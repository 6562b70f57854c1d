package dev.quern.cli;

import dev.quern.eval.LogitModel;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.models.WeightSource;
import dev.quern.runtime.LogitVisitor;
import dev.quern.runtime.Model;
import dev.quern.text.Tokenizer;
import dev.quern.torch.TorchModel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// A model opened for measuring in one of the executors; closes all that it opened, but not the workers.
final class MeasuredModel implements AutoCloseable {
    private final Deque<Runnable> closers = new ArrayDeque<>();
    private final Tokenizer tokenizer;
    private final LogitModel logits;
    private final int maxPositions;
    private final List<String> activations = new ArrayList<>();

    private MeasuredModel(Path path, Optional<Path> adapter, KvOption kv, Executor executor, Workers workers) {
        boolean complete = false;
        try {
            Checkpoint checkpoint = Checkpoint.open(path, adapter);
            closers.push(checkpoint::close);
            checkpoint.requireSupported();
            tokenizer = checkpoint.tokenizer();
            closers.push(tokenizer::close);
            tokenizer.check(checkpoint.network().config().vocabSize());
            maxPositions = checkpoint.network().config().maxPositions();
            WeightSource weights = kv.on(checkpoint.weights());
            // libtorch multiplies floats, whatever the codes
            checkpoint.activations().stream()
                    .map(way -> executor == Executor.TORCH ? way.replace(" × int8", " (simulated)") : way)
                    .forEach(activations::add);
            if (weights.kv().quantizes()) {
                activations.add(weights.kv().toString());
            }
            logits = switch (executor) {
                case JAVA -> LogitModel.of(new Model(checkpoint.network(), weights, workers));
                case TORCH -> torch(checkpoint, weights);
            };
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    /// Opens the model at `path`, with an adapter if one is given. `workers` run it; libtorch has one
    /// thread, since with more its own wait for each other as soon as anything else runs (18 times
    /// slower on a busy machine of two cores, 2026-11-24).
    static MeasuredModel open(Path path, Optional<Path> adapter, KvOption kv, Executor executor, Workers workers) {
        return new MeasuredModel(path, adapter, kv, executor, workers);
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    LogitModel logits() {
        return logits;
    }

    /// How activations and the KV cache are held, each way once; empty where all are floats.
    List<String> activations() {
        return List.copyOf(activations);
    }

    /// Tokens that the model was made for.
    int maxPositions() {
        return maxPositions;
    }

    private LogitModel torch(Checkpoint checkpoint, WeightSource weights) {
        TorchModel model = TorchModel.load(checkpoint.network(), weights);
        closers.push(model::close);
        return new LogitModel() {
            @Override
            public int vocabSize() {
                return model.vocabSize();
            }

            @Override
            public void logits(int[] tokens, int from, LogitVisitor visitor) {
                float[] rows = model.logits(tokens);
                for (int at = from; at < tokens.length; at++) {
                    visitor.visit(at, rows, at * model.vocabSize());
                }
            }
        };
    }

    @Override
    public void close() {
        while (!closers.isEmpty()) {
            closers.pop().run();
        }
    }
}
