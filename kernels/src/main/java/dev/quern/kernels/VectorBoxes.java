package dev.quern.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Short vectors in boxes of at most 16, halved again and again where they spread most, so that a box holds what lies
/// together; 16 boxes in a row are a group.
///
/// Of node n the bounds lie in lanes: `[n / 16, component, lower and upper, n % 16]`. A box's vectors
/// are in the order of their indices; empty boxes lie at infinity.
final class VectorBoxes {
    private static final VectorSpecies<Float> F = VectorWidth.FLOATS;

    /// Vectors of a box, boxes of a group: the lanes of the widest machine.
    static final int NODE = 16;

    /// Above every index.
    static final int NONE = Integer.MAX_VALUE;

    final int groups;
    /// By place, `16 · box + lane`; `NONE` where no vector is.
    final int[] indices;
    /// Bounds of boxes.
    final float[] inner;
    /// Bounds of groups.
    final float[] outer;

    private final float[] vectors;
    private final int length;
    private final int size;
    private final int depth;
    private final int[] splitComponent;
    private final float[] splitAt;

    /// `vectors [size, length]`.
    VectorBoxes(float[] vectors, int length) {
        this.vectors = vectors;
        this.length = length;
        this.size = vectors.length / length;
        int full = Math.ceilDiv(size, NODE);
        this.depth = Math.max(4, 32 - Integer.numberOfLeadingZeros(full - 1));
        int boxes = 1 << depth;
        this.groups = boxes / NODE;
        this.indices = new int[boxes * NODE];
        Arrays.fill(indices, NONE);
        this.inner = bounds(boxes);
        this.outer = bounds(groups);
        this.splitComponent = new int[boxes];
        this.splitAt = new float[boxes];
        int[] order = new int[size];
        Arrays.setAll(order, i -> i);
        split(order, 1, 0, boxes);
        for (int box = 0; box < boxes; box++) {
            fill(box, order);
        }
    }

    private float[] bounds(int nodes) {
        float[] bounds = new float[Math.ceilDiv(nodes, NODE) * NODE * 2 * length];
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = i / NODE % 2 == 0 ? Float.POSITIVE_INFINITY : Float.NEGATIVE_INFINITY;
        }
        return bounds;
    }

    /// Where box `box` begins in the order.
    private int start(int box) {
        return (int) ((long) box * size >> depth);
    }

    /// Sorts the vectors of `boxes` boxes from `first` on into halves; node n has the children 2n and 2n + 1.
    private void split(int[] order, int node, int first, int boxes) {
        int from = start(first);
        int to = start(first + boxes);
        if (boxes == 1 || to == from) {
            return;
        }
        int component = widest(order, from, to);
        long[] keys = new long[to - from];
        for (int i = from; i < to; i++) {
            int bits = Float.floatToIntBits(vectors[order[i] * length + component]);
            // as integers, floats below zero are in the wrong order
            keys[i - from] = (long) (bits ^ bits >> 31 & Integer.MAX_VALUE) << 32 | order[i];
        }
        Arrays.sort(keys);
        for (int i = from; i < to; i++) {
            order[i] = (int) keys[i - from];
        }
        splitComponent[node] = component;
        splitAt[node] = vectors[order[Math.min(start(first + boxes / 2), to - 1)] * length + component];
        split(order, 2 * node, first, boxes / 2);
        split(order, 2 * node + 1, first + boxes / 2, boxes / 2);
    }

    /// The component of the greatest variance.
    private int widest(int[] order, int from, int to) {
        int widest = 0;
        double most = -1;
        for (int t = 0; t < length; t++) {
            double sum = 0;
            double squares = 0;
            for (int i = from; i < to; i++) {
                double value = vectors[order[i] * length + t];
                sum += value;
                squares += value * value;
            }
            double spread = squares - sum * sum / (to - from);
            if (spread > most) {
                most = spread;
                widest = t;
            }
        }
        return widest;
    }

    private void fill(int box, int[] order) {
        int from = start(box);
        int to = start(box + 1);
        Arrays.sort(order, from, to);
        for (int i = from; i < to; i++) {
            indices[box * NODE + i - from] = order[i];
            for (int t = 0; t < length; t++) {
                widen(inner, box, t, vectors[order[i] * length + t]);
                widen(outer, box / NODE, t, vectors[order[i] * length + t]);
            }
        }
    }

    private void widen(float[] bounds, int node, int t, float value) {
        int at = (node / NODE * length + t) * 2 * NODE + node % NODE;
        bounds[at] = Math.min(bounds[at], value);
        bounds[at + NODE] = Math.max(bounds[at + NODE], value);
    }

    /// The box that x would lie in: a good one to begin with.
    int home(float[] x, int at) {
        int node = 1;
        for (int level = 0; level < depth; level++) {
            node = 2 * node + (x[at + splitComponent[node]] < splitAt[node] ? 0 : 1);
        }
        return node - (1 << depth);
    }

    /// How far x is from each of `L` boxes (`bounds` are `inner`) or groups (`outer`) from `first` on, squared.
    FloatVector squared(float[] x, int at, float[] bounds, int first) {
        int from = first / NODE * (2 * length * NODE) + first % NODE;
        FloatVector sum = FloatVector.zero(F);
        for (int t = 0; t < length; t++, from += 2 * NODE) {
            FloatVector component = FloatVector.broadcast(F, x[at + t]);
            FloatVector below = FloatVector.fromArray(F, bounds, from).sub(component);
            FloatVector above = component.sub(FloatVector.fromArray(F, bounds, from + NODE));
            FloatVector gap = below.max(above).max(0f);
            sum = gap.fma(gap, sum);
        }
        return sum;
    }
}
