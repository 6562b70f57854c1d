package dev.quern.methods;

/// `t += a · m` over stretches of arrays: the inner loops of everything here, written so that the compiler vectorises
/// them. Terms are added strictly in order, so results do not depend on how work is cut into blocks.
final class Axpy {
    private Axpy() {}

    /// `t[i] += a · m[i]`.
    static void add(double[] t, int tAt, double[] m, int mAt, int n, double a) {
        for (int i = 0; i < n; i++) {
            t[tAt + i] += a * m[mAt + i];
        }
    }

    /// Four of them in one pass over `t`: `t[i] = (((t[i] + a0·m0[i]) + a1·m1[i]) + …`, rows `stride` apart.
    static void addFour(
            double[] t, int tAt, double[] m, int mAt, int stride, int n, double a0, double a1, double a2, double a3) {
        int one = mAt + stride;
        int two = one + stride;
        int three = two + stride;
        for (int i = 0; i < n; i++) {
            t[tAt + i] = t[tAt + i] + a0 * m[mAt + i] + a1 * m[one + i] + a2 * m[two + i] + a3 * m[three + i];
        }
    }

    /// `t += Σ_k a[aAt + k] · m[row mAt + k · stride]` over `count` rows of `m`, in order.
    static void addRows(double[] t, int tAt, double[] m, int mAt, int stride, int n, double[] a, int aAt, int count) {
        int k = 0;
        for (; k + 3 < count; k += 4) {
            int at = aAt + k;
            addFour(t, tAt, m, mAt + k * stride, stride, n, a[at], a[at + 1], a[at + 2], a[at + 3]);
        }
        for (; k < count; k++) {
            add(t, tAt, m, mAt + k * stride, n, a[aAt + k]);
        }
    }

    /// `Σ a[i] · b[i]` in four chains.
    static double dot(double[] a, int aAt, double[] b, int bAt, int n) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 3 < n; i += 4) {
            s0 += a[aAt + i] * b[bAt + i];
            s1 += a[aAt + i + 1] * b[bAt + i + 1];
            s2 += a[aAt + i + 2] * b[bAt + i + 2];
            s3 += a[aAt + i + 3] * b[bAt + i + 3];
        }
        for (; i < n; i++) {
            s0 += a[aAt + i] * b[bAt + i];
        }
        return (s0 + s1) + (s2 + s3);
    }
}
