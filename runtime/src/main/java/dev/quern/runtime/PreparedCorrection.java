package dev.quern.runtime;

import dev.quern.kernels.Elementwise;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.Workers;
import dev.quern.models.LowRank;

/// The two thin products that an adapter adds to a Linear's.
record PreparedCorrection(PreparedLinear down, PreparedLinear up) {
    static PreparedCorrection of(LowRank correction) {
        return new PreparedCorrection(Kernels.prepare(correction.down()), Kernels.prepare(correction.up()));
    }

    long weightBytes() {
        return down.weightBytes() + up.weightBytes();
    }

    /// `y += B · (A · x)` as a step that can run again; `inner` and `outer` are scratch.
    Runnable addTo(Rows y, Rows x, Rows inner, Rows outer, Workers workers) {
        Runnable first = down.tokens(x.data(), x.rows(), inner.data(), workers);
        Runnable second = up.tokens(inner.data(), x.rows(), outer.data(), workers);
        return () -> {
            first.run();
            second.run();
            Elementwise.add(y.data(), 0, outer.data(), 0, y.data(), 0, y.rows() * y.cols());
        };
    }
}
