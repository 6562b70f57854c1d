package dev.quern.methods;

import dev.quern.core.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Lowers the exact loss `tr(Δ·H·Δᵀ)` of a matrix in vectors step by step; a step that does not lower
/// it is taken back, so the result is never worse than the plain assignment it began with.
final class VectorFit {
    private final double[] h;
    private final double[] target;
    private final DType dtype;
    private final Parallel parallel;
    private final Phases phases;
    private final List<String> notes = new ArrayList<>();
    private final Vectors vectors;
    private double[] gaps = {};
    private double[] slope = {};
    private double loss = Double.POSITIVE_INFINITY;

    /// `h [cols, cols]`, `target [height, cols]`.
    VectorFit(double[] h, double[] target, Vectors vectors, DType dtype, Parallel parallel, Phases phases) {
        this.h = h;
        this.target = target;
        this.vectors = vectors;
        this.dtype = dtype;
        this.parallel = parallel;
        this.phases = phases;
    }

    double loss() {
        return loss;
    }

    Vectors vectors() {
        return vectors;
    }

    List<String> notes() {
        return notes;
    }

    boolean isZero() {
        return loss == 0;
    }

    /// Takes the loss as it stands.
    void measure() {
        gaps = vectors.gaps(target, parallel);
        slope = Products.multiply(gaps, vectors.height, h, vectors.cols, parallel);
        loss = Arrays.stream(Products.rowDots(gaps, slope, vectors.height)).sum();
    }

    /// Fits centroids and norm, then sweeps over the codes.
    void round(int sweeps) {
        phases.run("centroid fit", this::fitBooks);
        if (vectors.normed()) {
            phases.run("norm fit", this::fitNorm);
        }
        phases.run("index descent", () -> descend(sweeps));
    }

    private void fitBooks() {
        for (int number = 0; number < vectors.books.length; number++) {
            VectorBook book = vectors.books[number];
            Optional<float[]> fitted = new BookFit(h, vectors, number).solve(slope, parallel);
            float[] before = book.centroids();
            if (fitted.isPresent()) {
                book.set(fitted.get(), 0);
                if (!better()) {
                    book.set(before, 0);
                    measure();
                }
            }
        }
    }

    private void fitNorm() {
        float[] scale = vectors.scale.clone();
        float[] shift = vectors.shift.clone();
        NormFit norm = new NormFit(h, vectors, dtype);
        norm.scales(slope, parallel);
        norm.shifts(vectors.gaps(target, parallel));
        if (!better()) {
            System.arraycopy(scale, 0, vectors.scale, 0, scale.length);
            System.arraycopy(shift, 0, vectors.shift, 0, shift.length);
            measure();
        }
    }

    private void descend(int sweeps) {
        for (int sweep = 0; sweep < sweeps; sweep++) {
            if (new VectorDescent(h, vectors, slope).sweep(parallel) == 0) {
                break;
            }
        }
        // the sweeps kept the slope up to date: no product is needed to know what they saved
        gaps = vectors.gaps(target, parallel);
        loss = Arrays.stream(Products.rowDots(gaps, slope, vectors.height)).sum();
    }

    /// Runs `step`, which sets codes, and takes them back where they lose more.
    void offer(Runnable step, String what) {
        Vectors before = vectors.copy();
        double was = loss;
        step.run();
        measure();
        if (!(loss <= was)) {
            vectors.take(before);
            measure();
            notes.add(what + " lost more than the plain assignment and was taken back");
        }
    }

    private boolean better() {
        double was = loss;
        measure();
        return loss <= was;
    }
}
