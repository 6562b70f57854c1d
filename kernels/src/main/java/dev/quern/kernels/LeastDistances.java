package dev.quern.kernels;

import java.util.Arrays;
import java.util.function.IntConsumer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// Squared distances of many vectors from the nearest of the points told so far.
///
/// The vectors lie in boxes. A new point is compared with those of a box only where it is nearer to the box than the
/// farthest of its vectors to its own nearest point; so telling it k points costs little more than the distances that
/// become less. The distances are float64, and those of comparing all with all. For one thread.
public final class LeastDistances {
    private static final int L = VectorWidth.LANES;
    private static final int NODE = VectorBoxes.NODE;

    private final float[] vectors;
    private final int length;
    private final VectorBoxes boxes;
    private final double[] distance;
    /// The vectors by lanes, `[box, length, 16]`.
    private final float[] table;
    /// Each vector's distance, by place, and a little more than float32 can be off; 0 where no vector is.
    private final float[] limit;
    /// The greatest of these within a box and within a group.
    private final float[] boxMost;
    private final float[] groupMost;

    /// `vectors [count, length]`, kept and not changed; all distances are infinite.
    public LeastDistances(float[] vectors, int length) {
        this.vectors = vectors;
        this.length = length;
        this.boxes = new VectorBoxes(vectors, length);
        this.distance = new double[vectors.length / length];
        this.table = new float[Math.multiplyExact(boxes.indices.length, length)];
        this.limit = new float[boxes.indices.length];
        this.boxMost = new float[boxes.indices.length / NODE];
        this.groupMost = new float[Math.ceilDiv(boxes.groups, NODE) * NODE];
        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        Arrays.fill(boxMost, Float.POSITIVE_INFINITY);
        Arrays.fill(groupMost, Float.POSITIVE_INFINITY);
        for (int place = 0; place < limit.length; place++) {
            int index = boxes.indices[place];
            limit[place] = index == VectorBoxes.NONE ? 0 : Float.POSITIVE_INFINITY;
            for (int t = 0; t < length && index != VectorBoxes.NONE; t++) {
                table[(place / NODE * length + t) * NODE + place % NODE] = vectors[index * length + t];
            }
        }
    }

    /// The squared distance of vector `index` from the nearest point.
    public double of(int index) {
        return distance[index];
    }

    /// Takes in the point `x[at … at + length)`; `lowered` is told each vector whose distance became less.
    public void add(float[] x, int at, IntConsumer lowered) {
        for (int first = 0; first < boxes.groups; first += VectorWidth.SCALAR ? 1 : L) {
            long groups = within(x, at, boxes.outer, first, groupMost);
            for (groups &= (1L << Math.min(L, boxes.groups - first)) - 1; groups != 0; groups &= groups - 1) {
                group(x, at, first + Long.numberOfTrailingZeros(groups), lowered);
            }
        }
    }

    private void group(float[] x, int at, int group, IntConsumer lowered) {
        int from = group * NODE;
        for (int part = from; part < from + NODE; part += VectorWidth.SCALAR ? 1 : L) {
            for (long bits = within(x, at, boxes.inner, part, boxMost); bits != 0; bits &= bits - 1) {
                box(x, at, part + Long.numberOfTrailingZeros(bits), lowered);
            }
        }
        float most = 0;
        for (int box = from; box < from + NODE; box++) {
            most = Math.max(most, boxMost[box]);
        }
        groupMost[group] = most;
    }

    /// Those of some nodes from `first` on that the point may matter to, as bits: all `L`, or one in plain Java.
    private long within(float[] x, int at, float[] bounds, int first, float[] most) {
        if (VectorWidth.SCALAR) {
            return 1;
        }
        return boxes.squared(x, at, bounds, first)
                .compare(VectorOperators.GT, FloatVector.fromArray(VectorWidth.FLOATS, most, first))
                .not()
                .toLong();
    }

    private void box(float[] x, int at, int box, IntConsumer lowered) {
        boolean changed = false;
        for (int part = box * NODE; part < (box + 1) * NODE; part += VectorWidth.SCALAR ? 1 : L) {
            for (long bits = nearer(x, at, part); bits != 0; bits &= bits - 1) {
                int place = part + Long.numberOfTrailingZeros(bits);
                int index = boxes.indices[place];
                if (index == VectorBoxes.NONE) {
                    continue;
                }
                double squared = squared(x, at, index);
                if (squared < distance[index]) {
                    distance[index] = squared;
                    limit[place] = (float) (squared * (1 + 1e-5)) + Float.MIN_NORMAL;
                    changed = true;
                    lowered.accept(index);
                }
            }
        }
        if (changed) {
            float most = 0;
            for (int place = box * NODE; place < (box + 1) * NODE; place++) {
                most = Math.max(most, limit[place]);
            }
            boxMost[box] = most;
        }
    }

    /// Those of some places from `place` on that may be nearer than before, as bits: all `L`, or one in plain Java.
    private long nearer(float[] x, int at, int place) {
        if (VectorWidth.SCALAR) {
            return 1;
        }
        int from = place / NODE * length * NODE + place % NODE;
        FloatVector sum = FloatVector.zero(VectorWidth.FLOATS);
        for (int t = 0; t < length; t++, from += NODE) {
            FloatVector gap = FloatVector.fromArray(VectorWidth.FLOATS, table, from)
                    .sub(FloatVector.broadcast(VectorWidth.FLOATS, x[at + t]));
            sum = gap.fma(gap, sum);
        }
        return sum.compare(VectorOperators.GT, FloatVector.fromArray(VectorWidth.FLOATS, limit, place))
                .not()
                .toLong();
    }

    private double squared(float[] x, int at, int index) {
        double squared = 0;
        for (int t = 0; t < length; t++) {
            double gap = (double) vectors[index * length + t] - x[at + t];
            squared += gap * gap;
        }
        return squared;
    }
}
