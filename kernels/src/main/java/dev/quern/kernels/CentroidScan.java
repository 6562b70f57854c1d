package dev.quern.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Looks at every centroid.
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
