package dev.quern.methods;

import org.jspecify.annotations.Nullable;

/// One Linear to be quantized: `weight [rows, cols]` row-major (owned by the task, not to be changed),
/// what is known of its inputs (moments and ranges, null where the method did not ask for them), where
/// to run parallel work, and where to say what takes how long (`task.phases().run("name", …)`).
public record LinearTask(
        String name,
        int rows,
        int cols,
        float[] weight,
        @Nullable Hessian hessian,
        @Nullable InputRanges ranges,
        Parallel parallel,
        Phases phases,
        long seed) {
    public LinearTask {
        if (weight.length != Math.multiplyExact(rows, cols)) {
            throw new IllegalArgumentException(weight.length + " weights, expected " + rows + " x " + cols);
        }
        if (hessian != null && hessian.size() != cols) {
            throw new IllegalArgumentException("statistics of " + hessian.size() + " inputs, expected " + cols);
        }
    }

    /// The ranges; a method that needs them said so by `wantsRanges`.
    public InputRanges requireRanges() {
        if (ranges == null) {
            throw new IllegalStateException(name + ": no input ranges were gathered");
        }
        return ranges;
    }

    /// The moments; a method that needs them said so by `wantsMoments`.
    public Hessian requireHessian() {
        if (hessian == null) {
            throw new IllegalStateException(name + ": no input statistics were gathered");
        }
        return hessian;
    }
}
