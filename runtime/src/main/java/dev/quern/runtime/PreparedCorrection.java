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

    /// `y += B · (A · x)`; `inner` and `outer` are scratch.
    void addTo(Rows y, Rows x, Rows inner, Rows outer, Workers workers) {
        down.multiply(x.data(), 0, x.rows(), inner.data(), 0, workers);
        up.multiply(inner.data(), 0, x.rows(), outer.data(), 0, workers);
        Elementwise.add(y.data(), 0, outer.data(), 0, y.data(), 0, y.rows() * y.cols());
    }
}
