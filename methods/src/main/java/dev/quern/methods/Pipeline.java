package dev.quern.methods;

import dev.quern.core.Progress;
import java.nio.file.Path;

/// Takes a model through a recipe, block by block: calibration, progress, journal, resume, atomic output, verification.
///
/// Peak memory does not grow with the model's depth. A killed run resumes at the block it was in and gives the same
/// bytes as an uninterrupted one.
public final class Pipeline {
    private final Path model;
    private final Path output;
    private final Recipe recipe;
    private final PipelineOptions options;

    /// `model` is a directory or a .gguf file; `output` a directory to be made, or a .gguf file.
    public Pipeline(Path model, Path output, Recipe recipe, PipelineOptions options) {
        this.model = model;
        this.output = output;
        this.recipe = recipe;
        this.options = options;
    }

    /// Checks everything that can be checked before work starts.
    public Plan plan() {
        throw new UnsupportedOperationException("under construction: " + model + output + recipe + options);
    }

    /// Does the work; `progress` counts in thousandths of the whole.
    public QuantizeReport run(Progress progress) {
        throw new UnsupportedOperationException("under construction " + progress);
    }
}
