package dev.quern.kernels;

/// The oracle of `Elementwise`, in plain Java.
final class ElementwiseScalar {
    private ElementwiseScalar() {}

    static void add(float[] a, int aOffset, float[] b, int bOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            y[yOffset + i] = a[aOffset + i] + b[bOffset + i];
        }
    }

    static void scale(float[] x, int xOffset, float factor, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            y[yOffset + i] = x[xOffset + i] * factor;
        }
    }

    static void siluGate(float[] gate, int gOffset, float[] up, int uOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            double g = gate[gOffset + i];
            y[yOffset + i] = (float) (g / (1 + Math.exp(-g))) * up[uOffset + i];
        }
    }

    static void geluTanhGate(float[] gate, int gOffset, float[] up, int uOffset, float[] y, int yOffset, int n) {
        for (int i = 0; i < n; i++) {
            double g = gate[gOffset + i];
            double inner = Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g);
            y[yOffset + i] = (float) (g / (1 + Math.exp(-2 * inner))) * up[uOffset + i];
        }
    }

    static void softmax(float[] x, int xOffset, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, x[xOffset + i]);
        }
        float sum = 0;
        for (int i = 0; i < n; i++) {
            x[xOffset + i] = (float) Math.exp(x[xOffset + i] - max);
            sum += x[xOffset + i];
        }
        scale(x, xOffset, 1 / sum, x, xOffset, n);
    }
}
