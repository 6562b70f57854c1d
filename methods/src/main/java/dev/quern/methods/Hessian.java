package dev.quern.methods;

import org.jspecify.annotations.Nullable;

/// Second moments of a Linear's inputs over the calibration tokens.
///
/// - `h [size, size]`: `H = E[x xᵀ]`, symmetric, of the inputs that the quantized prefix produces;
/// - `drift [size, size]`: `D = E[(x_float − x) xᵀ]`, where `x_float` is the input in the float model; null where it
/// was
///   not gathered;
/// - `tokens` rows went in, `dropped` rows that were not finite did not.
///
/// Arrays are shared and not to be changed.
public record Hessian(int size, double[] h, double @Nullable [] drift, long tokens, long dropped) {
    public Hessian {
        if (h.length != Math.multiplyExact(size, size)) {
            throw new IllegalArgumentException(h.length + " elements, expected " + size + " x " + size);
        }
        if (drift != null && drift.length != h.length) {
            throw new IllegalArgumentException(drift.length + " elements of drift, expected " + h.length);
        }
    }

    /// The diagonal: the mean square of each input.
    public double[] diagonal() {
        double[] diagonal = new double[size];
        for (int i = 0; i < size; i++) {
            diagonal[i] = h[i * size + i];
        }
        return diagonal;
    }

    /// `H = I`: every input matters alike.
    public static Hessian identity(int size) {
        double[] h = new double[Math.multiplyExact(size, size)];
        for (int i = 0; i < size; i++) {
            h[i * size + i] = 1;
        }
        return new Hessian(size, h, null, 0, 0);
    }
}
