package dev.quern.kernels;

/// Work on the half-open range `[from, to)`.
@FunctionalInterface
public interface RangeBody {
    /// Does the items `from … to − 1`.
    void run(int from, int to);
}
