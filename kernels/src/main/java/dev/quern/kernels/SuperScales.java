package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Scales of groups as small integers times a float for each super-block, as the K types of GGUF keep them.
///
/// `scales[p][g / 4 · 64 + r]` holds four groups' integers, the first in the top byte; `minima` the same, or is empty;
/// `unit` and `minimumUnit`: `[p][b · 64 + r]`. A quarter of the bytes of `FloatScales`.
record SuperScales(int perSuper, float bias, int[][] scales, float[][] unit, int[][] minima, float[][] minimumUnit)
        implements GroupScales {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;

    /// Zeros, to be set: `supers` super-blocks a row of `perSuper` groups, a multiple of 4.
    static SuperScales of(int rows, int supers, int perSuper, boolean hasMinima, float bias) {
        int count = Math.ceilDiv(rows, ROWS);
        int words = Math.multiplyExact(supers, perSuper / 4 * ROWS);
        int units = Math.multiplyExact(supers, ROWS);
        int second = hasMinima ? count : 0;
        return new SuperScales(
                perSuper,
                bias,
                new int[count][words],
                new float[count][units],
                new int[second][words],
                new float[second][units]);
    }

    /// Stores super-block `block` of a row: its units and, from `scale[g]` and `minimum[g]` on, the groups' scales and
    /// minima, each a small integer times the unit.
    void set(int row, int block, float unit, float minimumUnit, float[] scale, float[] minimum, int g) {
        int panel = row / ROWS;
        int at = block * ROWS + row % ROWS;
        this.unit[panel][at] = unit;
        pack(scales[panel], row, block, unit, scale, g);
        if (minima.length > 0) {
            this.minimumUnit[panel][at] = minimumUnit;
            pack(minima[panel], row, block, minimumUnit, minimum, g);
        }
    }

    private void pack(int[] words, int row, int block, float unit, float[] values, int g) {
        for (int i = 0; i < perSuper; i += 4) {
            int word = 0;
            for (int n = i; n < i + 4; n++) {
                // exact: the value is the product, without rounding
                int integer = unit == 0 ? 0 : (int) (values[g + n] / unit);
                word = word << 8 | integer & 0xFF;
            }
            words[(block * perSuper + i) / 4 * ROWS + row % ROWS] = word;
        }
    }

    @Override
    public Shift shift() {
        return minima.length > 0 ? Shift.MINIMUM : Shift.NONE;
    }

    @Override
    public long bytes() {
        return 4L * (scales.length + minima.length) * (scales[0].length + unit[0].length);
    }

    @Override
    public void group(int panel, int group, float[] scale, float[] shift) {
        group(scales[panel], unit[panel], group, scale);
        if (minima.length > 0) {
            group(minima[panel], minimumUnit[panel], group, shift);
        }
    }

    private void group(int[] words, float[] units, int group, float[] target) {
        for (int r = 0; r < ROWS; r++) {
            byte integer = (byte) (words[group / 4 * ROWS + r] >> 24 - 8 * (group % 4));
            target[r] = units[group / perSuper * ROWS + r] * integer;
        }
    }

    @Override
    public void sum(int panel, float[] parts, float[] sums, int sumsAt, float[] y, int yAt) {
        int supers = unit[panel].length / ROWS;
        plain(parts, scales[panel], unit[panel], supers, perSuper, y, yAt);
        if (minima.length > 0) {
            addMinima(scales[panel], unit[panel], minima[panel], minimumUnit[panel], sums, sumsAt, supers, y, yAt);
        }
    }

    private static void plain(float[] parts, int[] scales, float[] unit, int supers, int perSuper, float[] y, int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            int of = lane;
            int at = lane;
            for (int b = 0; b < supers; b++) {
                FloatVector u0 = FloatVector.zero(F);
                FloatVector u1 = u0;
                for (int g = 0; g < perSuper; g += 4, at += ROWS) {
                    IntVector w0 = IntVector.fromArray(I, scales, at);
                    IntVector w1 = IntVector.fromArray(I, scales, at + L);
                    for (int n = 0; n < 4; n++, of += ROWS) {
                        IntVector c0 = w0.lanewise(VectorOperators.ASHR, 24);
                        IntVector c1 = w1.lanewise(VectorOperators.ASHR, 24);
                        FloatVector s0 = FloatVector.fromArray(F, parts, of);
                        FloatVector s1 = FloatVector.fromArray(F, parts, of + L);
                        u0 = s0.fma(c0.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), u0);
                        u1 = s1.fma(c1.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), u1);
                        w0 = w0.lanewise(VectorOperators.LSHL, 8);
                        w1 = w1.lanewise(VectorOperators.LSHL, 8);
                    }
                }
                t0 = FloatVector.fromArray(F, unit, b * ROWS + lane).fma(u0, t0);
                t1 = FloatVector.fromArray(F, unit, b * ROWS + lane + L).fma(u1, t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }

    /// Adds `bias · scale + minimum` times each group's sum of x.
    private void addMinima(
            int[] scales,
            float[] unit,
            int[] minima,
            float[] minimumUnit,
            float[] sums,
            int sumsAt,
            int supers,
            float[] y,
            int yAt) {
        for (int lane = 0; lane < ROWS; lane += L) {
            FloatVector t = FloatVector.fromArray(F, y, yAt + lane);
            int k = sumsAt;
            int at = lane;
            for (int b = 0; b < supers; b++) {
                FloatVector u = FloatVector.zero(F);
                FloatVector v = u;
                for (int g = 0; g < perSuper; g += 4, at += ROWS) {
                    IntVector w = IntVector.fromArray(I, scales, at);
                    IntVector m = IntVector.fromArray(I, minima, at);
                    for (int n = 0; n < 4; n++, k++) {
                        FloatVector sum = FloatVector.broadcast(F, sums[k]);
                        IntVector c = w.lanewise(VectorOperators.ASHR, 24);
                        IntVector d = m.lanewise(VectorOperators.ASHR, 24);
                        u = sum.fma(c.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), u);
                        v = sum.fma(d.convert(VectorOperators.I2F, 0).reinterpretAsFloats(), v);
                        w = w.lanewise(VectorOperators.LSHL, 8);
                        m = m.lanewise(VectorOperators.LSHL, 8);
                    }
                }
                t = FloatVector.fromArray(F, unit, b * ROWS + lane).fma(u.mul(bias), t);
                t = FloatVector.fromArray(F, minimumUnit, b * ROWS + lane).fma(v, t);
            }
            t.intoArray(y, yAt + lane);
        }
    }
}
