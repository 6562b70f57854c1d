package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// A float for each group's scale and, where there is one, its zero point or minimum: `[p][g · 64 + r]`.
record FloatScales(Shift shift, float bias, float[][] scales, float[][] shifts) implements GroupScales {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;
    private static final int ROWS = Panels.ROWS;

    /// Zeros, to be set; `bias` is added to every code of a weight with minima.
    static FloatScales of(int rows, int groups, Shift shift, float bias) {
        int count = Math.ceilDiv(rows, ROWS);
        int size = Math.multiplyExact(groups, ROWS);
        return new FloatScales(shift, bias, new float[count][size], new float[shift == Shift.NONE ? 0 : count][size]);
    }

    /// Stores a row's scales and shifts by group.
    void set(int row, float[] scale, float[] shift) {
        for (int g = 0, at = row % ROWS; g < scale.length; g++, at += ROWS) {
            scales[row / ROWS][at] = scale[g];
            if (shifts.length > 0) {
                shifts[row / ROWS][at] = shift[g];
            }
        }
    }

    @Override
    public long bytes() {
        return 4L * (scales.length + shifts.length) * scales[0].length;
    }

    @Override
    public void group(int panel, int group, float[] scale, float[] shift) {
        System.arraycopy(scales[panel], group * ROWS, scale, 0, ROWS);
        if (shifts.length > 0) {
            System.arraycopy(shifts[panel], group * ROWS, shift, 0, ROWS);
        }
    }

    @Override
    public void sum(int panel, float[] parts, float[] sums, int sumsAt, float[] y, int yAt) {
        int groups = scales[panel].length / ROWS;
        switch (shift) {
            case NONE -> plain(parts, scales[panel], groups, y, yAt);
            case ZERO -> zeros(parts, scales[panel], shifts[panel], sums, sumsAt, groups, y, yAt);
            case MINIMUM -> minima(parts, scales[panel], shifts[panel], bias, sums, sumsAt, groups, y, yAt);
        }
    }

    private static void plain(float[] parts, float[] scales, int groups, float[] y, int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            for (int g = 0, of = lane; g < groups; g++, of += ROWS) {
                t0 = FloatVector.fromArray(F, scales, of).fma(FloatVector.fromArray(F, parts, of), t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(FloatVector.fromArray(F, parts, of + L), t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }

    private static void zeros(
            float[] parts, float[] scales, float[] zeros, float[] sums, int sumsAt, int groups, float[] y, int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            for (int g = 0, of = lane; g < groups; g++, of += ROWS) {
                FloatVector less = FloatVector.broadcast(F, -sums[sumsAt + g]);
                FloatVector s0 = less.fma(FloatVector.fromArray(F, zeros, of), FloatVector.fromArray(F, parts, of));
                FloatVector s1 =
                        less.fma(FloatVector.fromArray(F, zeros, of + L), FloatVector.fromArray(F, parts, of + L));
                t0 = FloatVector.fromArray(F, scales, of).fma(s0, t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(s1, t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }

    private static void minima(
            float[] parts,
            float[] scales,
            float[] minima,
            float bias,
            float[] sums,
            int sumsAt,
            int groups,
            float[] y,
            int yAt) {
        for (int lane = 0; lane < ROWS; lane += 2 * L) {
            FloatVector t0 = FloatVector.zero(F);
            FloatVector t1 = t0;
            for (int g = 0, of = lane; g < groups; g++, of += ROWS) {
                FloatVector sum = FloatVector.broadcast(F, sums[sumsAt + g]);
                FloatVector more = sum.mul(bias);
                t0 = sum.fma(FloatVector.fromArray(F, minima, of), t0);
                t1 = sum.fma(FloatVector.fromArray(F, minima, of + L), t1);
                FloatVector s0 = FloatVector.fromArray(F, parts, of).add(more);
                FloatVector s1 = FloatVector.fromArray(F, parts, of + L).add(more);
                t0 = FloatVector.fromArray(F, scales, of).fma(s0, t0);
                t1 = FloatVector.fromArray(F, scales, of + L).fma(s1, t1);
            }
            t0.intoArray(y, yAt + lane);
            t1.intoArray(y, yAt + lane + L);
        }
    }
}
