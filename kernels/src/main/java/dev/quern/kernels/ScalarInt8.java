package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.Int8Weight;

/// The oracle of int8 products: plain sums in 32-bit integers.
record ScalarInt8(PreparedLinear floats, Int8Weight weight) implements CodeLinear {
    @Override
    public int rows() {
        return weight.rows();
    }

    @Override
    public int cols() {
        return weight.cols();
    }

    @Override
    public long weightBytes() {
        return weight.bytes();
    }

    @Override
    public String kernel() {
        return floats.kernel();
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        floats.multiply(x, xOffset, tokens, y, yOffset, workers);
    }

    @Override
    public void multiply(InputCodes codes, float[] x, int xOffset, float[] y, int yOffset, Workers workers) {
        Border.check(this, x, xOffset, codes.tokens(), y, yOffset);
        int cols = cols();
        int rows = rows();
        workers.ranges(rows, 1, (from, to) -> {
            for (int r = from; r < to; r++) {
                long at = (long) r * cols;
                float scale = weight.scale(r);
                for (int t = 0; t < codes.tokens(); t++) {
                    int total = 0;
                    int sum = 0;
                    for (int k = 0; k < cols; k++) {
                        int code = weight.codes().data().get(JAVA_BYTE, at + k);
                        total += codes.code(t, k) * code;
                        sum += code;
                    }
                    y[yOffset + t * rows + r] = codes.scale(t) * scale * (total - codes.zero(t) * sum);
                }
            }
        });
    }
}
