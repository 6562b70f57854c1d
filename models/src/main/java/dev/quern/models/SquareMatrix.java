package dev.quern.models;

import dev.quern.core.NumericException;
import java.util.Arrays;

/// Small square matrices in double, row-major, for the oracle of `InputTransform`.
final class SquareMatrix {
    private SquareMatrix() {}

    static double[] widen(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    /// Each of `rows` consecutive rows `r [n]` of x becomes `r · a`.
    static void applyRight(double[] a, int n, int rows, double[] x, int offset) {
        double[] image = new double[n];
        for (int row = 0; row < rows; row++) {
            int at = offset + row * n;
            Arrays.fill(image, 0);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    image[j] += x[at + i] * a[i * n + j];
                }
            }
            System.arraycopy(image, 0, x, at, n);
        }
    }

    /// `X [n, cols]` becomes `aᵀ · X`.
    static void applyLeft(double[] a, int n, int cols, double[] x, int offset) {
        double[] image = new double[n * cols];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double factor = a[i * n + j];
                for (int c = 0; c < cols; c++) {
                    image[j * cols + c] += factor * x[offset + i * cols + c];
                }
            }
        }
        System.arraycopy(image, 0, x, offset, image.length);
    }

    /// `a⁻ᵀ` by elimination with row pivoting; throws `NumericException` where a is singular.
    static double[] inverseTransposed(float[] a, int n) {
        double[] m = widen(a);
        double[] inverse = new double[n * n];
        for (int i = 0; i < n; i++) {
            inverse[i * n + i] = 1;
        }
        for (int col = 0; col < n; col++) {
            int pivot = col;
            for (int i = col + 1; i < n; i++) {
                if (Math.abs(m[i * n + col]) > Math.abs(m[pivot * n + col])) {
                    pivot = i;
                }
            }
            double value = m[pivot * n + col];
            if (value == 0 || !Double.isFinite(value)) {
                throw new NumericException("input transform", "inverse", "the matrix of " + n + " is singular");
            }
            swap(m, n, col, pivot);
            swap(inverse, n, col, pivot);
            for (int i = 0; i < n; i++) {
                double factor = m[i * n + col] / value;
                if (i != col && factor != 0) {
                    subtract(m, n, i, col, factor);
                    subtract(inverse, n, i, col, factor);
                }
            }
        }
        double[] transposed = new double[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                transposed[j * n + i] = inverse[i * n + j] / m[i * n + i];
            }
        }
        return transposed;
    }

    private static void subtract(double[] m, int n, int row, int other, double factor) {
        for (int j = 0; j < n; j++) {
            m[row * n + j] -= factor * m[other * n + j];
        }
    }

    private static void swap(double[] m, int n, int a, int b) {
        for (int j = 0; a != b && j < n; j++) {
            double keep = m[a * n + j];
            m[a * n + j] = m[b * n + j];
            m[b * n + j] = keep;
        }
    }
}
