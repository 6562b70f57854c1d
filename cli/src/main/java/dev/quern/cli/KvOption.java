package dev.quern.cli;

import dev.quern.core.KvScheme;
import dev.quern.models.WeightSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/// `--kv-bits`, for the commands that run a model.
///
/// Float16 where neither the files nor the user say anything: half the memory, a quarter faster at 600 positions and
/// 1.7 times as fast at 4096 (docs/benchmarks.md), and SmolLM2's perplexity is the same to five digits.
final class KvOption {
    /// What the model's files say, else float16.
    static final KvOption DEFAULT = new KvOption();

    @Option(
            names = "--kv-bits",
            paramLabel = "N",
            showDefaultValue = Visibility.NEVER,
            description = "Bits of the KV cache: 2, 4, 8 = codes, 16 = float16, 32 = float32 (default: what the model's"
                    + " files say, else 16).")
    @Nullable
    Integer bits;

    /// `source` with the cache that was asked for.
    WeightSource on(WeightSource source) {
        if (bits != null) {
            return source.withKv(KvScheme.of(bits));
        }
        return source.kv().equals(KvScheme.FLOAT) ? source.withKv(KvScheme.HALF) : source;
    }
}
