package dev.quern.methods;

/// Solves small symmetric positive (semi)definite systems in place.
final class SmallSolve {
    private SmallSolve() {}

    /// `b ← A⁻¹·b` for `a [n, n]`, which is overwritten. An unknown whose row of A is all zero (a group of zeros) gets
    /// a
    /// tiny ridge, as does everything against rounding. False where A is not positive definite even so.
    static boolean symmetric(double[] a, double[] b, int n) {
        double top = 0;
        for (int i = 0; i < n; i++) {
            top = Math.max(top, a[i * n + i]);
        }
        double ridge = 1e-10 * top;
        if (!(ridge > 0)) {
            return false;
        }
        for (int j = 0; j < n; j++) {
            double d = a[j * n + j] + ridge;
            for (int k = 0; k < j; k++) {
                d -= a[j * n + k] * a[j * n + k];
            }
            if (!(d > 0)) {
                return false;
            }
            double root = Math.sqrt(d);
            a[j * n + j] = root;
            for (int i = j + 1; i < n; i++) {
                double value = a[i * n + j];
                for (int k = 0; k < j; k++) {
                    value -= a[i * n + k] * a[j * n + k];
                }
                a[i * n + j] = value / root;
            }
        }
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < i; k++) {
                b[i] -= a[i * n + k] * b[k];
            }
            b[i] /= a[i * n + i];
        }
        for (int i = n - 1; i >= 0; i--) {
            for (int k = i + 1; k < n; k++) {
                b[i] -= a[k * n + i] * b[k];
            }
            b[i] /= a[i * n + i];
        }
        return true;
    }
}
