package dev.quern.methods;

import java.util.Arrays;
import java.util.Optional;
import java.util.function.IntConsumer;

/// The upper triangular R with `H = R·Rᵀ` ("reversed" Cholesky): the inverse of the upper factor of H⁻¹ that GPTQ's
/// paper
/// uses, found without any inverse at a quarter of the cost.
///
/// `r [size, size]` row-major, zero below the diagonal; float64.
record UpperFactor(int size, double[] r) {
    /// Columns of a panel.
    private static final int PANEL = 64;

    /// Rows that one task updates.
    private static final int STRIP = 16;

    /// The factor of the symmetric `h` (only its upper half is read); empty where `h` is not positive definite to
    /// working precision. Cost size³ / 3.
    static Optional<UpperFactor> of(double[] h, int size, Parallel parallel) {
        double[] a = h.clone();
        double tiny = 0;
        for (int i = 0; i < size; i++) {
            tiny = Math.max(tiny, h[i * size + i]);
        }
        tiny *= 1e-13;
        for (int end = size; end > 0; end -= PANEL) {
            int start = Math.max(0, end - PANEL);
            if (!diagonal(a, size, start, end, tiny)) {
                return Optional.empty();
            }
            int from = start;
            int to = end;
            double[] panel = new double[(end - start) * start];
            strips(start, parallel, row -> solve(a, size, row, from, to, panel));
            strips(start, parallel, row -> update(a, size, row, from, to, panel));
        }
        for (int i = 1; i < size; i++) {
            Arrays.fill(a, i * size, i * size + i, 0);
        }
        return Optional.of(new UpperFactor(size, a));
    }

    private static void strips(int rows, Parallel parallel, IntConsumer body) {
        parallel.run((rows + STRIP - 1) / STRIP, task -> {
            int end = Math.min(rows, (task + 1) * STRIP);
            for (int row = task * STRIP; row < end; row++) {
                body.accept(row);
            }
        });
    }

    /// Factors the block on the diagonal, last column first.
    private static boolean diagonal(double[] a, int n, int start, int end, double tiny) {
        for (int j = end - 1; j >= start; j--) {
            double d = a[j * n + j];
            if (!(d > tiny) || d == Double.POSITIVE_INFINITY) {
                return false;
            }
            double root = Math.sqrt(d);
            a[j * n + j] = root;
            for (int i = start; i < j; i++) {
                a[i * n + j] /= root;
            }
            for (int i = start; i < j; i++) {
                double factor = a[i * n + j];
                for (int k = i; k < j; k++) {
                    a[i * n + k] -= factor * a[k * n + j];
                }
            }
        }
        return true;
    }

    /// Row `row` of the panel above the diagonal block; also stored turned, for the update.
    private static void solve(double[] a, int n, int row, int start, int end, double[] panel) {
        for (int j = end - 1; j >= start; j--) {
            double value = a[row * n + j];
            for (int k = j + 1; k < end; k++) {
                value -= a[row * n + k] * a[j * n + k];
            }
            value /= a[j * n + j];
            a[row * n + j] = value;
            panel[(j - start) * start + row] = -value;
        }
    }

    /// Takes the panel's share out of the rest of row `row`.
    private static void update(double[] a, int n, int row, int start, int end, double[] panel) {
        Axpy.addRows(a, row * n + row, panel, row, start, start - row, a, row * n + start, end - start);
    }

    /// Element (i, i).
    double pivot(int i) {
        return r[i * size + i];
    }
}
