package dev.quern.methods;

/// How columns are brought to one size before their vectors share a codebook.
public enum ColumnNorm {
    /// Not at all: no scale or shift is stored.
    NONE,
    /// By mean and standard deviation.
    DEVIATION,
    /// By minimum and range, as the paper's code does.
    MIN_MAX;

    /// Sets the scales and shifts of `vectors` from the columns of `target [height, cols]`.
    void apply(Vectors vectors, double[] target, dev.quern.core.DType dtype) {
        if (this == NONE) {
            return;
        }
        int n = vectors.cols;
        for (int c = 0; c < n; c++) {
            double sum = 0;
            double squares = 0;
            double least = Double.POSITIVE_INFINITY;
            double most = Double.NEGATIVE_INFINITY;
            for (int row = 0; row < vectors.rows; row++) {
                double w = target[row * n + c];
                sum += w;
                squares += w * w;
                least = Math.min(least, w);
                most = Math.max(most, w);
            }
            double mean = sum / vectors.rows;
            double deviation = Math.sqrt(Math.max(0, squares / vectors.rows - mean * mean));
            double scale = this == MIN_MAX ? most - least : deviation;
            float stored = dev.quern.core.Floats.round(dtype, (float) scale);
            // a constant column: its shift says it all
            vectors.scale[c] = stored > 1e-7f ? stored : 1;
            vectors.shift[c] = dev.quern.core.Floats.round(dtype, (float) (this == MIN_MAX ? least : mean));
        }
    }
}
