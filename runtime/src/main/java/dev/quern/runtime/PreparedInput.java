package dev.quern.runtime;

import dev.quern.core.ActivationScheme;
import dev.quern.kernels.InputCodes;
import dev.quern.kernels.Workers;
import dev.quern.models.LinearInput;
import java.util.List;

/// A `LinearInput` with its transforms laid out for the kernels. Linears that share one share the work. Immutable.
record PreparedInput(LinearInput input, List<PreparedTransform> transforms) {
    static PreparedInput of(LinearInput input) {
        return new PreparedInput(
                input, input.transforms().stream().map(PreparedTransform::of).toList());
    }

    ActivationScheme scheme() {
        return input.scheme();
    }

    void encode(Rows x, InputCodes codes, Workers workers) {
        codes.quantize(scheme(), input.range(), input.exact(), x.data(), 0, x.rows(), x.cols(), workers);
    }
}
