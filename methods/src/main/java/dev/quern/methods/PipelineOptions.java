package dev.quern.methods;

import dev.quern.core.UsageException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How a pipeline runs, apart from what the recipe does.
///
/// `exclude` are globs (`*` any characters) over module names (`model.layers.0.self_attn.q_proj`); a pattern without
/// `*`
/// or `?` matches anywhere in the name. The head and the embedding stay as they are unless `keepHead` is false.
/// `memoryBudget` in bytes, 0 = none: a plan that needs more is refused before anything starts.
public record PipelineOptions(
        int threads,
        long seed,
        @Nullable CalibrationSource calibration,
        List<String> exclude,
        boolean keepHead,
        boolean resume,
        boolean overwrite,
        long memoryBudget) {
    public PipelineOptions {
        exclude = List.copyOf(exclude);
        if (threads < 1) {
            throw new UsageException("threads is at least 1, not " + threads);
        }
    }

    /// Where calibration tokens come from: `samples` stretches of `seqLen` tokens of a text file.
    public record CalibrationSource(Path file, int samples, int seqLen) {
        public CalibrationSource {
            if (samples < 1) {
                throw new UsageException("samples is at least 1, not " + samples);
            }
            if (seqLen < 8) {
                throw new UsageException("seq-len is at least 8, not " + seqLen);
            }
        }
    }

    /// Seed 0, nothing excluded, the head kept, no resume, no overwriting, no budget.
    public static PipelineOptions of(int threads, @Nullable CalibrationSource calibration) {
        return new PipelineOptions(threads, 0, calibration, List.of(), true, false, false, 0);
    }
}
