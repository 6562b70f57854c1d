package dev.quern.methods;

import dev.quern.core.GroupedWeight;
import dev.quern.core.Tensor;
import java.util.Arrays;
import java.util.List;

/// Integer codes in training: codes and zero points stand, scales move (PEQA, arXiv:2305.14152; the second phase of
/// EfficientQAT, arXiv:2407.11062).
///
/// The parameter is a factor of each scale, `[groups, rows]`, so that one rate suits all of them.
final class TunedGroups implements TunedWeight {
    private final GroupedWeight stored;
    private final float[] scales;
    private final float[] factors;

    TunedGroups(GroupedWeight stored) {
        this.stored = stored;
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
        byte[] codes = new byte[stored.cols()];
        for (int row = from; row < to; row++) {
            stored.unpackCodes(row, codes, 0);
            for (int col = 0; col < codes.length; col++) {
                int group = stored.group(col);
                int at = group * stored.rows() + row;
                target[row * codes.length + col] = scales[at] * factors[at] * steps(codes[col], group, row);
            }
        }
    }

    @Override
    public void gradients(float[] weight, List<double[]> sums) {
        double[] sum = sums.getFirst();
        byte[] codes = new byte[stored.cols()];
        for (int row = 0; row < stored.rows(); row++) {
            stored.unpackCodes(row, codes, 0);
            for (int col = 0; col < codes.length; col++) {
                int group = stored.group(col);
                int at = group * stored.rows() + row;
                sum[at] += (double) weight[row * codes.length + col] * scales[at] * steps(codes[col], group, row);
            }
        }
    }

    private int steps(byte code, int group, int row) {
        return Byte.toUnsignedInt(code) - stored.zeroPoint(group, row);
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
