package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.TableWeight;
import dev.quern.core.VectorWeight;

/// The oracle and the fallback: unpacks a row with `PackedWeight.unpackRow` and sums in plain Java. Takes every weight.
final class ScalarLinear implements LinearKernel {
    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return true;
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        Prepared prepared = new Prepared(weight);
        return switch (weight) {
            case Int8Weight rows -> new ScalarInt8(prepared, rows);
            case OutlierInt8Weight w ->
                OutlierLinear.of(name(), w, new ScalarInt8(new Prepared(w.regular()), w.regular()), this);
            case DenseWeight _, BlockWeight _, GroupedWeight _, TableWeight _, VectorWeight _ -> prepared;
        };
    }

    private record Prepared(PackedWeight weight) implements PreparedLinear {
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
            return "scalar";
        }

        @Override
        public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
            Border.check(this, x, xOffset, tokens, y, yOffset);
            int cols = weight.cols();
            int rows = weight.rows();
            workers.ranges(rows, 1, (from, to) -> {
                float[] row = workers.scratch().floats(Scratch.TILE, cols);
                for (int r = from; r < to; r++) {
                    weight.unpackRow(r, row, 0);
                    for (int t = 0; t < tokens; t++) {
                        float sum = 0;
                        for (int k = 0; k < cols; k++) {
                            sum += row[k] * x[xOffset + t * cols + k];
                        }
                        y[yOffset + t * rows + r] = sum;
                    }
                }
            });
        }
    }
}
