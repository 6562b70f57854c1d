package dev.quern.methods;

import dev.quern.core.GroupedWeight;
import dev.quern.core.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Integer codes in training: codes and zero points stand, scales move (PEQA, arXiv:2305.14152; the second phase of
/// EfficientQAT, arXiv:2407.11062).
///
/// The parameter is a factor of each scale, `[groups, rows]`, so that one rate suits all of them. Codes
/// are held unpacked, a byte a weight: every step reads them.
final class TunedGroups implements TunedWeight {
    private final GroupedWeight stored;
    private final int rows;
    private final int cols;
    private final byte[] codes;
    /// The group of each input.
    private final int[] groups;
    private final float[] scales;
    private final float[] factors;

    TunedGroups(GroupedWeight stored) {
        this.stored = stored;
        this.rows = stored.rows();
        this.cols = stored.cols();
        this.codes = new byte[rows * cols];
        for (int row = 0; row < rows; row++) {
            stored.unpackCodes(row, codes, row * cols);
        }
        this.groups = IntStream.range(0, cols).map(stored::group).toArray();
        this.scales = stored.scales().toFloats();
        this.factors = new float[scales.length];
        Arrays.fill(factors, 1);
    }

    @Override
    public List<float[]> parameters() {
        return List.of(factors);
    }

    @Override
    public double[] sizes() {
        return new double[] {1};
    }

    @Override
    public void fill(int from, int to, float[] target) {
        for (int row = from; row < to; row++) {
            for (int start = 0, end; start < cols; start = end) {
                end = end(start);
                int at = groups[start] * rows + row;
                float scale = scales[at] * factors[at];
                int zeroPoint = stored.zeroPoint(groups[start], row);
                for (int i = row * cols + start; i < row * cols + end; i++) {
                    target[i] = scale * (Byte.toUnsignedInt(codes[i]) - zeroPoint);
                }
            }
        }
    }

    @Override
    public void gradients(float[] weight, List<double[]> sums) {
        double[] sum = sums.getFirst();
        for (int row = 0; row < rows; row++) {
            for (int start = 0, end; start < cols; start = end) {
                end = end(start);
                int at = groups[start] * rows + row;
                int zeroPoint = stored.zeroPoint(groups[start], row);
                double part = 0;
                for (int i = row * cols + start; i < row * cols + end; i++) {
                    part += (double) weight[i] * (Byte.toUnsignedInt(codes[i]) - zeroPoint);
                }
                sum[at] += scales[at] * part;
            }
        }
    }

    /// Where the run of inputs of one group that begins at `start` ends.
    private int end(int start) {
        int end = start + 1;
        while (end < cols && groups[end] == groups[start]) {
            end++;
        }
        return end;
    }

    @Override
    public GroupedWeight pack() {
        float[] moved = new float[scales.length];
        for (int i = 0; i < moved.length; i++) {
            moved[i] = scales[i] * factors[i];
        }
        return stored.withScales(Tensor.of(
                stored.scales().dtype(), moved, stored.scales().shape().sizes()));
    }
}
