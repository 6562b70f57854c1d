package dev.quern.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Looks only at centroids that may be the nearest: they lie in boxes of 16, those in groups of 16 boxes, and what is
/// farther away than the best so far is passed over.
///
/// Scores are those of `CentroidScan`, operation by operation, and a box is passed over only where rounding cannot have
/// made up for its distance; so the index is the same. Of the 4096 boxes of 65536 centroids some 4 are looked at for
/// vectors of four normally distributed numbers, 70 for eight, 1500 for sixteen.
public final class CentroidTree implements CentroidSearch {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;
    private static final int L = VectorWidth.LANES;
    private static final int NODE = VectorBoxes.NODE;

    private final int length;
    private final VectorBoxes boxes;
    /// Half squares, then each component with its sign turned: `[box, 1 + length, 16]`; what is filled up has a half
    /// square of infinity.
    private final float[] table;
    /// The largest square of a centroid.
    private final float most;

    /// `centroids [size, length]`.
    public CentroidTree(float[] centroids, int length) {
        this.length = length;
        this.boxes = new VectorBoxes(centroids, length);
        this.table = new float[Math.multiplyExact(boxes.indices.length, 1 + length)];
        double largest = 0;
        for (int place = 0; place < boxes.indices.length; place++) {
            largest = Math.max(largest, fill(place, boxes.indices[place], centroids));
        }
        this.most = (float) largest;
    }

    /// Puts a centroid into its lane and gives its square.
    private double fill(int place, int index, float[] centroids) {
        int at = first(place);
        double square = 0;
        for (int t = 0; t < length && index != VectorBoxes.NONE; t++) {
            float value = centroids[index * length + t];
            square += (double) value * value;
            table[at + (1 + t) * NODE] = -value;
        }
        table[at] = index == VectorBoxes.NONE ? Float.POSITIVE_INFINITY : (float) (square / 2);
        return square;
    }

    private int first(int place) {
        return place / NODE * (1 + length) * NODE + place % NODE;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public int nearest(float[] x, int at) {
        float square = 0;
        for (int t = 0; t < length; t++) {
            square = Math.fma(x[at + t], x[at + t], square);
        }
        // a squared distance is 2·score + ‖x‖²; sums of n terms are off by less than n·2⁻²⁴ of what they add up in all,
        // and no term here exceeds ‖x‖² + ‖c‖²; numbers that are not finite make no bound, and nothing is passed over
        float rest = square / 2 + (length + 8) * 0x1p-22f * (square + most) + Float.MIN_NORMAL;
        int home = boxes.home(x, at);
        int place = better(x, at, home, Float.POSITIVE_INFINITY);
        float best = place < 0 ? Float.POSITIVE_INFINITY : score(x, at, place);
        int found = best < Float.POSITIVE_INFINITY ? boxes.indices[place] : 0;
        for (int first = 0; first < boxes.groups; first += L) {
            long groups = within(x, at, boxes.outer, first, 2 * (best + rest));
            for (groups &= (1L << Math.min(L, boxes.groups - first)) - 1; groups != 0; groups &= groups - 1) {
                int from = (first + Long.numberOfTrailingZeros(groups)) * NODE;
                for (int part = from; part < from + NODE; part += L) {
                    for (long bits = within(x, at, boxes.inner, part, 2 * (best + rest)); bits != 0; bits &= bits - 1) {
                        int box = part + Long.numberOfTrailingZeros(bits);
                        place = box == home ? -1 : better(x, at, box, best);
                        if (place >= 0) {
                            float score = score(x, at, place);
                            int index = boxes.indices[place];
                            found = score < best ? index : Math.min(found, index);
                            best = score;
                        }
                    }
                }
            }
        }
        return found;
    }

    /// Those of `L` boxes from `first` on whose squared distance to x is not above `limit`, as bits.
    private long within(float[] x, int at, float[] bounds, int first, float limit) {
        // not "less or equal": what is no number counts as near
        return boxes.squared(x, at, bounds, first)
                .compare(VectorOperators.GT, limit)
                .not()
                .toLong();
    }

    /// The place of the least score of a box, the first of equal ones, if that is not above `best`; else -1.
    private int better(float[] x, int at, int box, float best) {
        int place = -1;
        float least = best;
        for (int part = 0; part < NODE; part += L) {
            int from = box * (1 + length) * NODE + part;
            FloatVector scores = FloatVector.fromArray(F, table, from);
            for (int t = 0; t < length; t++) {
                from += NODE;
                scores = FloatVector.broadcast(F, x[at + t]).fma(FloatVector.fromArray(F, table, from), scores);
            }
            VectorMask<Float> low = scores.compare(VectorOperators.LE, least);
            if (low.anyTrue()) {
                float lowest = scores.reduceLanes(VectorOperators.MIN, low);
                if (place < 0 || lowest < least) {
                    place = box * NODE
                            + part
                            + scores.compare(VectorOperators.EQ, lowest).firstTrue();
                    least = lowest;
                }
            }
        }
        return place;
    }

    /// The same sum of one centroid.
    private float score(float[] x, int at, int place) {
        int from = first(place);
        float score = table[from];
        for (int t = 0; t < length; t++) {
            from += NODE;
            score = Math.fma(x[at + t], table[from], score);
        }
        return score;
    }
}
