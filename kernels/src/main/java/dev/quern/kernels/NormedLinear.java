package dev.quern.kernels;

import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import org.jspecify.annotations.Nullable;

/// A product whose inputs are permuted and scaled before it, with a multiple of each input added to every output.
///
/// Place i of the product reads `scale[c] · x[c]` of column `c = columns[i]`; `Σ shift[c] · x[c]` goes to all outputs.
/// Null = in order, 1, 0.
record NormedLinear(
        PreparedLinear product, int @Nullable [] columns, float @Nullable [] scale, float @Nullable [] shift)
        implements PreparedLinear {
    /// `product`, of a codebook's places, with the permutation and the norm of `weight`, where it has any.
    static PreparedLinear of(VectorWeight weight, PreparedLinear product) {
        Tensor scale = weight.scale();
        Tensor shift = weight.shift();
        int[] columns = null;
        if (weight.permutation() != null) {
            columns = new int[weight.cols()];
            for (int place = 0; place < columns.length; place++) {
                columns[place] = weight.column(place);
            }
        }
        return scale == null && columns == null
                ? product
                : new NormedLinear(
                        product,
                        columns,
                        scale == null ? null : scale.toFloats(),
                        shift == null ? null : shift.toFloats());
    }

    @Override
    public int rows() {
        return product.rows();
    }

    @Override
    public int cols() {
        return product.cols();
    }

    @Override
    public long weightBytes() {
        long arrays = (columns == null ? 0 : 1) + (scale == null ? 0 : 1) + (shift == null ? 0 : 1);
        return product.weightBytes() + 4 * arrays * cols();
    }

    @Override
    public String kernel() {
        return product.kernel();
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        Border.check(this, x, xOffset, tokens, y, yOffset);
        int cols = cols();
        int rows = rows();
        float[] in = workers.scratch().floats(Scratch.GATHERED, Math.multiplyExact(tokens, cols));
        for (int t = 0; t < tokens; t++) {
            place(x, xOffset + t * cols, in, t * cols);
        }
        product.multiply(in, 0, tokens, y, yOffset, workers);
        for (int t = 0; t < tokens; t++) {
            addShift(x, xOffset + t * cols, y, yOffset + t * rows);
        }
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        float[] in = new float[cols()];
        Runnable multiply = product.token(in, y, workers);
        return () -> {
            place(x, 0, in, 0);
            multiply.run();
            addShift(x, 0, y, 0);
        };
    }

    private void addShift(float[] x, int xAt, float[] y, int yAt) {
        if (shift == null) {
            return;
        }
        float constant = dot(shift, x, xAt);
        for (int i = yAt; i < yAt + rows(); i++) {
            y[i] += constant;
        }
    }

    private void place(float[] x, int xAt, float[] target, int at) {
        for (int i = 0; i < cols(); i++) {
            int col = columns == null ? i : columns[i];
            target[at + i] = scale == null ? x[xAt + col] : x[xAt + col] * scale[col];
        }
    }

    private static float dot(float[] a, float[] x, int xAt) {
        // four chains: one alone would wait for every addition
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int i = 0;
        for (; i + 3 < a.length; i += 4) {
            s0 += a[i] * x[xAt + i];
            s1 += a[i + 1] * x[xAt + i + 1];
            s2 += a[i + 2] * x[xAt + i + 2];
            s3 += a[i + 3] * x[xAt + i + 3];
        }
        for (; i < a.length; i++) {
            s0 += a[i] * x[xAt + i];
        }
        return (s0 + s1) + (s2 + s3);
    }
}
