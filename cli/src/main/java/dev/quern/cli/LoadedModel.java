package dev.quern.cli;

import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Model;
import dev.quern.text.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;

/// A model opened for the runtime with all it needs; closes the lot.
record LoadedModel(Checkpoint checkpoint, Tokenizer tokenizer, Workers workers, Model model) implements AutoCloseable {
    /// Opens the model at `path`, with an adapter if one is given, on `threads` threads.
    static LoadedModel open(Path path, Optional<Path> adapter, KvOption kv, int threads) {
        Checkpoint checkpoint = Checkpoint.open(path, adapter);
        Tokenizer tokenizer = null;
        Workers workers = null;
        try {
            checkpoint.requireSupported();
            tokenizer = checkpoint.tokenizer();
            tokenizer.check(checkpoint.network().config().vocabSize());
            workers = Workers.of(threads);
            return new LoadedModel(
                    checkpoint,
                    tokenizer,
                    workers,
                    new Model(checkpoint.network(), kv.on(checkpoint.weights()), workers));
        } catch (RuntimeException | Error e) {
            if (workers != null) {
                workers.close();
            }
            if (tokenizer != null) {
                tokenizer.close();
            }
            checkpoint.close();
            throw e;
        }
    }

    @Override
    public void close() {
        workers.close();
        tokenizer.close();
        checkpoint.close();
    }
}
