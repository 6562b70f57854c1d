package dev.quern.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Looks at every centroid, for two vectors at a time where there are several.
///
/// A lane belongs to a centroid, so short vectors cost no more than their arithmetic: a product of matrices would write
/// and read every distance. Lanes do not meet before the end, so results do not depend on the machine's width.
public final class CentroidScan implements CentroidSearch {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;
    private static final int L = VectorWidth.LANES;

    /// Lanes of the widest machine: centroids are filled up to a multiple.
    private static final int FILL = 16;

    private final int length;
    private final int size;
    private final int padded;
    /// Half squares, then each component of all centroids: `[1 + length, padded]`.
    private final float[] table;

    /// `centroids [size, length]`.
    public CentroidScan(float[] centroids, int length) {
        this.length = length;
        this.size = centroids.length / length;
        this.padded = Math.ceilDiv(size, FILL) * FILL;
        this.table = new float[Math.multiplyExact(1 + length, padded)];
        Arrays.fill(table, size, padded, Float.POSITIVE_INFINITY);
        for (int i = 0; i < size; i++) {
            double square = 0;
            for (int t = 0; t < length; t++) {
                float value = centroids[i * length + t];
                square += (double) value * value;
                table[(1 + t) * padded + i] = value;
            }
            table[i] = (float) (square / 2);
        }
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public void nearest(float[] x, int at, int count, int[] found, int to) {
        int i = 0;
        for (; i + 1 < count && !VectorWidth.SCALAR; i += 2) {
            if (length == 4) {
                twoOfFour(x, at + i * 4, found, to + i);
            } else {
                two(x, at + i * length, found, to + i);
            }
        }
        for (; i < count; i++) {
            found[to + i] = nearest(x, at + i * length);
        }
    }

    @Override
    public int nearest(float[] x, int at) {
        if (VectorWidth.SCALAR) {
            return scalar(x, at);
        }
        return length == 4 ? four(x, at) : any(x, at);
    }

    private int four(float[] x, int at) {
        FloatVector x0 = FloatVector.broadcast(F, -x[at]);
        FloatVector x1 = FloatVector.broadcast(F, -x[at + 1]);
        FloatVector x2 = FloatVector.broadcast(F, -x[at + 2]);
        FloatVector x3 = FloatVector.broadcast(F, -x[at + 3]);
        FloatVector best = FloatVector.broadcast(F, Float.POSITIVE_INFINITY);
        IntVector found = IntVector.zero(I);
        IntVector place = IntVector.zero(I).addIndex(1);
        for (int i = 0; i < padded; i += L) {
            FloatVector score = FloatVector.fromArray(F, table, i);
            score = x0.fma(FloatVector.fromArray(F, table, padded + i), score);
            score = x1.fma(FloatVector.fromArray(F, table, 2 * padded + i), score);
            score = x2.fma(FloatVector.fromArray(F, table, 3 * padded + i), score);
            score = x3.fma(FloatVector.fromArray(F, table, 4 * padded + i), score);
            VectorMask<Float> less = score.compare(VectorOperators.LT, best);
            best = best.blend(score, less);
            found = found.blend(place, less.cast(I));
            place = place.add(L);
        }
        return first(best, found);
    }

    /// A centroid is read once for both; four vectors would need more registers than there are.
    private void twoOfFour(float[] x, int at, int[] to, int place) {
        FloatVector a0 = FloatVector.broadcast(F, -x[at]);
        FloatVector a1 = FloatVector.broadcast(F, -x[at + 1]);
        FloatVector a2 = FloatVector.broadcast(F, -x[at + 2]);
        FloatVector a3 = FloatVector.broadcast(F, -x[at + 3]);
        FloatVector b0 = FloatVector.broadcast(F, -x[at + 4]);
        FloatVector b1 = FloatVector.broadcast(F, -x[at + 5]);
        FloatVector b2 = FloatVector.broadcast(F, -x[at + 6]);
        FloatVector b3 = FloatVector.broadcast(F, -x[at + 7]);
        FloatVector bestA = FloatVector.broadcast(F, Float.POSITIVE_INFINITY);
        FloatVector bestB = bestA;
        IntVector foundA = IntVector.zero(I);
        IntVector foundB = foundA;
        IntVector index = IntVector.zero(I).addIndex(1);
        for (int i = 0; i < padded; i += L) {
            FloatVector half = FloatVector.fromArray(F, table, i);
            FloatVector c = FloatVector.fromArray(F, table, padded + i);
            FloatVector a = a0.fma(c, half);
            FloatVector b = b0.fma(c, half);
            c = FloatVector.fromArray(F, table, 2 * padded + i);
            a = a1.fma(c, a);
            b = b1.fma(c, b);
            c = FloatVector.fromArray(F, table, 3 * padded + i);
            a = a2.fma(c, a);
            b = b2.fma(c, b);
            c = FloatVector.fromArray(F, table, 4 * padded + i);
            a = a3.fma(c, a);
            b = b3.fma(c, b);
            VectorMask<Float> lessA = a.compare(VectorOperators.LT, bestA);
            VectorMask<Float> lessB = b.compare(VectorOperators.LT, bestB);
            bestA = bestA.blend(a, lessA);
            bestB = bestB.blend(b, lessB);
            foundA = foundA.blend(index, lessA.cast(I));
            foundB = foundB.blend(index, lessB.cast(I));
            index = index.add(L);
        }
        to[place] = first(bestA, foundA);
        to[place + 1] = first(bestB, foundB);
    }

    private void two(float[] x, int at, int[] to, int place) {
        FloatVector bestA = FloatVector.broadcast(F, Float.POSITIVE_INFINITY);
        FloatVector bestB = bestA;
        IntVector foundA = IntVector.zero(I);
        IntVector foundB = foundA;
        IntVector index = IntVector.zero(I).addIndex(1);
        for (int i = 0; i < padded; i += L) {
            FloatVector a = FloatVector.fromArray(F, table, i);
            FloatVector b = a;
            for (int t = 0, from = padded + i; t < length; t++, from += padded) {
                FloatVector c = FloatVector.fromArray(F, table, from);
                a = FloatVector.broadcast(F, -x[at + t]).fma(c, a);
                b = FloatVector.broadcast(F, -x[at + length + t]).fma(c, b);
            }
            VectorMask<Float> lessA = a.compare(VectorOperators.LT, bestA);
            VectorMask<Float> lessB = b.compare(VectorOperators.LT, bestB);
            bestA = bestA.blend(a, lessA);
            bestB = bestB.blend(b, lessB);
            foundA = foundA.blend(index, lessA.cast(I));
            foundB = foundB.blend(index, lessB.cast(I));
            index = index.add(L);
        }
        to[place] = first(bestA, foundA);
        to[place + 1] = first(bestB, foundB);
    }

    private int any(float[] x, int at) {
        FloatVector best = FloatVector.broadcast(F, Float.POSITIVE_INFINITY);
        IntVector found = IntVector.zero(I);
        IntVector place = IntVector.zero(I).addIndex(1);
        for (int i = 0; i < padded; i += L) {
            FloatVector score = FloatVector.fromArray(F, table, i);
            for (int t = 0, from = padded + i; t < length; t++, from += padded) {
                score = FloatVector.broadcast(F, -x[at + t]).fma(FloatVector.fromArray(F, table, from), score);
            }
            VectorMask<Float> less = score.compare(VectorOperators.LT, best);
            best = best.blend(score, less);
            found = found.blend(place, less.cast(I));
            place = place.add(L);
        }
        return first(best, found);
    }

    /// Of the lanes' best the smallest, of equal ones that with the lowest index.
    private static int first(FloatVector best, IntVector found) {
        float least = best.reduceLanes(VectorOperators.MIN);
        VectorMask<Integer> equal = best.compare(VectorOperators.EQ, least).cast(I);
        int index = found.reduceLanes(VectorOperators.MIN, equal);
        return index == Integer.MAX_VALUE ? 0 : index;
    }

    private int scalar(float[] x, int at) {
        float best = Float.POSITIVE_INFINITY;
        int found = 0;
        for (int i = 0; i < size; i++) {
            float score = table[i];
            for (int t = 0; t < length; t++) {
                score = Math.fma(-x[at + t], table[(1 + t) * padded + i], score);
            }
            if (score < best) {
                best = score;
                found = i;
            }
        }
        return found;
    }
}
