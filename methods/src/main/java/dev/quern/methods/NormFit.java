package dev.quern.methods;

import dev.quern.core.DType;
import dev.quern.core.Floats;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Optional;

/// The best column scales and shifts with centroids and codes fixed: minimisers of `tr(Δ·H·Δᵀ)`.
///
/// Scales solve `(H ∘ QᵀQ)·δ = diag(Qᵀ·Δ·H)` with Q the unscaled centroids; the best shifts add each column's mean gap,
/// whatever H is.
final class NormFit {
    private static final double RIDGE = 1e-6;

    private final double[] h;
    private final Vectors vectors;
    private final DType dtype;

    NormFit(double[] h, Vectors vectors, DType dtype) {
        this.h = h;
        this.vectors = vectors;
        this.dtype = dtype;
    }

    /// Sets new scales, given `slope = Δ·H`; false where the system does not factor.
    boolean scales(double[] slope, Parallel parallel) {
        int n = vectors.cols;
        double[] q = new double[vectors.height * n];
        parallel.run(vectors.height, row -> {
            for (int c = 0; c < n; c++) {
                VectorBook book = vectors.books[vectors.bookOf[c]];
                q[row * n + c] = book.value(vectors.codes[c][row / book.length()], row % book.length());
            }
        });
        double[] right = new double[n];
        for (int row = 0; row < vectors.height; row++) {
            for (int c = 0; c < n; c++) {
                right[c] += q[row * n + c] * slope[row * n + c];
            }
        }
        double[] step = TorchScope.call(() -> {
            TorchTensor books = TorchTensor.of(q, vectors.height, n);
            TorchTensor matrix = books.transpose().matmul(books).mul(TorchTensor.of(h, n, n));
            double mean = matrix.diagonal().mean().item();
            matrix.diagonal().addInPlace(RIDGE * mean + Double.MIN_NORMAL);
            Optional<TorchTensor> factor = matrix.cholesky();
            if (factor.isEmpty()) {
                return new double[0];
            }
            TorchTensor half = factor.get().solveTriangular(TorchTensor.of(right, n, 1), false);
            return factor.get().transpose().solveTriangular(half, true).toDoubles();
        });
        for (int c = 0; c < step.length; c++) {
            double wanted = vectors.scale[c] + step[c];
            boolean usable = Math.abs(wanted) > 0.25 * Math.abs(vectors.scale[c])
                    && Math.abs(wanted) < 4 * Math.abs(vectors.scale[c])
                    && wanted * vectors.scale[c] > 0;
            vectors.scale[c] = usable ? Floats.round(dtype, (float) wanted) : vectors.scale[c];
        }
        return step.length > 0;
    }

    /// Adds each column's mean gap to its shift.
    void shifts(double[] gaps) {
        int n = vectors.cols;
        double[] sums = new double[n];
        for (int row = 0; row < vectors.rows; row++) {
            for (int c = 0; c < n; c++) {
                sums[c] += gaps[row * n + c];
            }
        }
        for (int c = 0; c < n; c++) {
            vectors.shift[c] = Floats.round(dtype, (float) (vectors.shift[c] + sums[c] / vectors.rows));
        }
    }
}
