package dev.quern.torch;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;
import org.jspecify.annotations.Nullable;

/// Quantization as training sees it: values become what their codes stand for, and gradients pass rounding as if it
/// were not there. The grids are those of the packed kernels.
public final class FakeQuant {
    /// A scale below the normal floats stands for a token of zeros.
    private static final double SMALLEST = Float.MIN_NORMAL;

    private FakeQuant() {}

    /// `x [tokens, features]` by `scheme`; `range` is that of a static scheme.
    public static TorchTensor activations(ActivationScheme scheme, @Nullable QuantParams range, TorchTensor x) {
        if (!scheme.quantizes()) {
            return x;
        }
        if (range != null) {
            TorchTensor scale = TorchTensor.scalar(range.scale());
            TorchTensor zero = TorchTensor.scalar(range.zeroPoint());
            return codes(x, scale, zero, scheme.qmax());
        }
        return scheme.symmetric()
                ? symmetric(x, scheme.bits(), scheme.clip())
                : asymmetric(x, scheme.bits(), scheme.clip());
    }

    /// Each row on its own symmetric grid.
    public static TorchTensor symmetric(TorchTensor x, int bits) {
        return symmetric(x, bits, 1);
    }

    private static TorchTensor symmetric(TorchTensor x, int bits, float clip) {
        int qmax = (1 << bits) - 1;
        TorchTensor scale = x.abs().max(-1).mul(clip).mul(2).div(TorchTensor.scalar(qmax));
        return codes(x, usable(scale), TorchTensor.scalar(1 << (bits - 1)), qmax);
    }

    /// Each row on its own grid from its least to its largest value, 0 included.
    public static TorchTensor asymmetric(TorchTensor x, int bits) {
        return asymmetric(x, bits, 1);
    }

    private static TorchTensor asymmetric(TorchTensor x, int bits, float clip) {
        int qmax = (1 << bits) - 1;
        TorchTensor low = x.min(-1).mul(clip).clamp(Double.NEGATIVE_INFINITY, 0);
        TorchTensor high = x.max(-1).mul(clip).clamp(0, Double.POSITIVE_INFINITY);
        TorchTensor scale = usable(high.sub(low).div(TorchTensor.scalar(qmax)));
        TorchTensor zero = low.neg().div(scale).round().clamp(0, qmax).detach();
        return codes(x, scale, zero, qmax);
    }

    /// `scale · (clamp(round(x / scale) + zero, 0, qmax) − zero)`; the gradient reaches x inside the range, and scale.
    public static TorchTensor codes(TorchTensor x, TorchTensor scale, TorchTensor zero, int qmax) {
        return x.div(scale).roundStraight().add(zero).clamp(0, qmax).sub(zero).mul(scale);
    }

    /// Scales too small to divide by become 1, as in `ActivationScheme`.
    private static TorchTensor usable(TorchTensor scale) {
        return scale.where(scale.atLeast(SMALLEST), 1);
    }
}
