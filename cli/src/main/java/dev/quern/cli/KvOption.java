package dev.quern.cli;

import dev.quern.core.KvScheme;
import dev.quern.models.WeightSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/// `--kv-bits`, for the commands that run a model.
final class KvOption {
    /// What the model's files say.
    static final KvOption STORED = new KvOption();

    @Option(
            names = "--kv-bits",
            paramLabel = "N",
            showDefaultValue = Visibility.NEVER,
            description = "Bits of the KV cache: 2, 4, 8 = codes, 16 = float16, 32 = float32 (default: what the model's"
                    + " files say, else 32).")
    @Nullable
    Integer bits;

    /// `source` with the cache that was asked for.
    WeightSource on(WeightSource source) {
        return bits == null ? source : source.withKv(KvScheme.of(bits));
    }
}
