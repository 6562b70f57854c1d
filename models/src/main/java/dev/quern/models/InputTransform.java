package dev.quern.models;

import java.util.SplittableRandom;

/// A linear map that runs on a Linear's input before it is quantized: a row `x [n]` becomes `x · A`, `A` invertible.
///
/// The weight was multiplied by `A⁻ᵀ` (`counter`), so without quantization the product stays what it was:
/// `(x · A) · (W · A⁻ᵀ)ᵀ = x · Wᵀ`. Transforms that a norm or a Linear can absorb need no run-time operation and are
/// not here. Arrays belong to the record.
public sealed interface InputTransform {
    /// Features.
    int size();

    /// `x · A` in the place of `x[offset … offset + size)`: scalar, in double, the oracle of the executors.
    void apply(double[] x, int offset);

    /// Rows `w` of the weight become `w · A⁻ᵀ`. Costs an inverse where there is one: make it once for all rows.
    RowMap counter();

    /// Replaces a row at an offset by its image.
    @FunctionalInterface
    interface RowMap {
        /// Replaces `row[offset … offset + size)`.
        void apply(double[] row, int offset);
    }

    /// `x_i · factor_i`; n multiplications.
    record Diagonal(float[] factors) implements InputTransform {
        @Override
        public int size() {
            return factors.length;
        }

        @Override
        public void apply(double[] x, int offset) {
            for (int i = 0; i < factors.length; i++) {
                x[offset + i] *= factors[i];
            }
        }

        @Override
        public RowMap counter() {
            return (row, offset) -> {
                for (int i = 0; i < factors.length; i++) {
                    row[offset + i] /= factors[i];
                }
            };
        }
    }

    /// `(x ∘ signs) · (C_m ⊗ H_k)`, orthogonal; `n = m · k` with k the largest power of two and m odd. `H_k` is the
    /// normalised Hadamard matrix, `C_m` the normalised Hartley matrix `(cos + sin)(2π·i·j/m) / √m`, which mixes as
    /// evenly as any odd size allows. Costs n·(m + log k).
    record Hadamard(float[] signs) implements InputTransform {
        public Hadamard {
            if (signs.length == 0) {
                throw new IllegalArgumentException("a Hadamard transform has at least one feature");
            }
            for (float sign : signs) {
                if (sign != 1 && sign != -1) {
                    throw new IllegalArgumentException("a sign is 1 or -1, not " + sign);
                }
            }
        }

        /// Signs drawn from `seed`.
        public static Hadamard seeded(int size, long seed) {
            SplittableRandom random = new SplittableRandom(seed);
            float[] signs = new float[size];
            for (int i = 0; i < size; i++) {
                signs[i] = random.nextBoolean() ? 1 : -1;
            }
            return new Hadamard(signs);
        }

        @Override
        public int size() {
            return signs.length;
        }

        /// The power of two among the factors of the size.
        public int power() {
            return Integer.lowestOneBit(signs.length);
        }

        /// The odd factor of the size.
        public int odd() {
            return signs.length / power();
        }

        /// The normalised Hartley matrix of an odd size, symmetric and its own inverse.
        public static double[] hartley(int m) {
            double[] matrix = new double[m * m];
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < m; j++) {
                    double angle = 2 * Math.PI * ((long) i * j % m) / m;
                    matrix[i * m + j] = (Math.cos(angle) + Math.sin(angle)) / Math.sqrt(m);
                }
            }
            return matrix;
        }

        @Override
        public void apply(double[] x, int offset) {
            for (int i = 0; i < signs.length; i++) {
                x[offset + i] *= signs[i];
            }
            int k = power();
            for (int row = offset; row < offset + signs.length; row += k) {
                for (int half = 1; half < k; half *= 2) {
                    for (int i = 0; i < k; i += 2 * half) {
                        for (int j = row + i; j < row + i + half; j++) {
                            double a = x[j];
                            double b = x[j + half];
                            x[j] = a + b;
                            x[j + half] = a - b;
                        }
                    }
                }
            }
            double norm = 1 / Math.sqrt(k);
            for (int i = offset; i < offset + signs.length; i++) {
                x[i] *= norm;
            }
            if (odd() > 1) {
                SquareMatrix.applyLeft(hartley(odd()), odd(), k, x, offset);
            }
        }

        @Override
        public RowMap counter() {
            return this::apply;
        }
    }

    /// x as a matrix `X [n1, n2]` becomes `leftᵀ · X · right`, so `A = left ⊗ right`; costs n·(n1 + n2).
    record Kronecker(int n1, float[] left, int n2, float[] right) implements InputTransform {
        public Kronecker {
            if (left.length != n1 * n1 || right.length != n2 * n2 || n1 < 1 || n2 < 1) {
                throw new IllegalArgumentException("factors of " + left.length + " and " + right.length
                        + " values are not square matrices of " + n1 + " and " + n2);
            }
        }

        @Override
        public int size() {
            return Math.multiplyExact(n1, n2);
        }

        @Override
        public void apply(double[] x, int offset) {
            SquareMatrix.applyRight(SquareMatrix.widen(right), n2, n1, x, offset);
            SquareMatrix.applyLeft(SquareMatrix.widen(left), n1, n2, x, offset);
        }

        @Override
        public RowMap counter() {
            double[] l = SquareMatrix.inverseTransposed(left, n1);
            double[] r = SquareMatrix.inverseTransposed(right, n2);
            return (row, offset) -> {
                SquareMatrix.applyRight(r, n2, n1, row, offset);
                SquareMatrix.applyLeft(l, n1, n2, row, offset);
            };
        }
    }

    /// Any matrix `A [n, n]`, row-major; costs n².
    record Full(int size, float[] matrix) implements InputTransform {
        public Full {
            if (size < 1 || matrix.length != Math.multiplyExact(size, size)) {
                throw new IllegalArgumentException(matrix.length + " values are no square matrix of " + size);
            }
        }

        @Override
        public void apply(double[] x, int offset) {
            SquareMatrix.applyRight(SquareMatrix.widen(matrix), size, 1, x, offset);
        }

        @Override
        public RowMap counter() {
            double[] inverse = SquareMatrix.inverseTransposed(matrix, size);
            return (row, offset) -> SquareMatrix.applyRight(inverse, size, 1, row, offset);
        }
    }
}
