package dev.quern.methods;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Second moments of the inputs that a stage's Linears share, over the calibration tokens.
///
/// - `h [size, size]`: `H = E[x xᵀ]`, symmetric, of the inputs that the quantized prefix produces;
/// - `drift [size, size]`: `D = E[(x_float − x) xᵀ]`, where `x_float` is the input in the float model; null where it
/// was
///   not gathered;
/// - `tokens` rows went in, `dropped` rows that were not finite did not.
///
/// Arrays are shared and not to be changed. The last factorisation is kept for the stage's other Linears; one thread
/// works on a Hessian at a time.
public final class Hessian {
    private final int size;
    private final double[] h;
    private final double @Nullable [] drift;
    private final long tokens;
    private final long dropped;
    private @Nullable Known known;

    private record Known(double damping, boolean actOrder, Optional<Damping> result) {}

    public Hessian(int size, double[] h, double @Nullable [] drift, long tokens, long dropped) {
        if (h.length != Math.multiplyExact(size, size)) {
            throw new IllegalArgumentException(h.length + " elements, expected " + size + " x " + size);
        }
        if (drift != null && drift.length != h.length) {
            throw new IllegalArgumentException(drift.length + " elements of drift, expected " + h.length);
        }
        this.size = size;
        this.h = h;
        this.drift = drift;
        this.tokens = tokens;
        this.dropped = dropped;
    }

    /// `H = I`: every input matters alike.
    public static Hessian identity(int size) {
        double[] h = new double[Math.multiplyExact(size, size)];
        for (int i = 0; i < size; i++) {
            h[i * size + i] = 1;
        }
        return new Hessian(size, h, null, 0, 0);
    }

    public int size() {
        return size;
    }

    public double[] h() {
        return h;
    }

    public double @Nullable [] drift() {
        return drift;
    }

    public long tokens() {
        return tokens;
    }

    public long dropped() {
        return dropped;
    }

    /// The diagonal: the mean square of each input.
    public double[] diagonal() {
        double[] diagonal = new double[size];
        for (int i = 0; i < size; i++) {
            diagonal[i] = h[i * size + i];
        }
        return diagonal;
    }

    /// `Damping.of` this, computed once for all Linears of a stage.
    Optional<Damping> damped(double damping, boolean actOrder, Parallel parallel) {
        Known found = known;
        if (found == null || found.damping != damping || found.actOrder != actOrder) {
            found = new Known(damping, actOrder, Damping.of(this, damping, actOrder, parallel));
            known = found;
        }
        return found.result;
    }
}
