package dev.quern.torch;

import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// `LinearInput` on libtorch: what the packed kernels do to activations, in float and with gradients.
public final class TorchInputs {
    private TorchInputs() {}

    /// What each Linear reads in the place of `x`; the work is done once for those that share a `LinearInput`.
    public static List<TorchTensor> apply(List<Linear> linears, Function<Linear, LinearInput> inputs, TorchTensor x) {
        Map<LinearInput, TorchTensor> done = new IdentityHashMap<>();
        List<TorchTensor> results = new ArrayList<>(linears.size());
        for (Linear linear : linears) {
            results.add(done.computeIfAbsent(inputs.apply(linear), input -> apply(input, x)));
        }
        return results;
    }

    /// Transforms, then codes and back; `x [tokens, features]`.
    public static TorchTensor apply(LinearInput input, TorchTensor x) {
        TorchTensor y = x;
        for (InputTransform transform : input.transforms()) {
            y = apply(transform, y);
        }
        if (!input.scheme().quantizes()) {
            return y;
        }
        if (input.exact().length == 0) {
            return FakeQuant.activations(input.scheme(), input.range(), y);
        }
        float[] kept = new float[y.size(-1)];
        for (int column : input.exact()) {
            kept[column] = 1;
        }
        TorchTensor mask = TorchTensor.of(kept, kept.length);
        TorchTensor exact = y.mul(mask);
        return FakeQuant.activations(input.scheme(), input.range(), y.sub(exact))
                .add(exact);
    }

    /// `x · A` for each row.
    public static TorchTensor apply(InputTransform transform, TorchTensor x) {
        return switch (transform) {
            case InputTransform.Diagonal(float[] factors) -> x.mul(TorchTensor.of(factors, factors.length));
            case InputTransform.Full(int n, float[] matrix) -> x.matmul(TorchTensor.of(matrix, n, n));
            case InputTransform.Kronecker(int n1, float[] left, int n2, float[] right) ->
                kronecker(x, TorchTensor.of(left, n1, n1), TorchTensor.of(right, n2, n2));
            case InputTransform.Hadamard hadamard -> hadamard(hadamard, x);
        };
    }

    /// Each row as a matrix `X [n1, n2]` becomes `leftᵀ · X · right`.
    public static TorchTensor kronecker(TorchTensor x, TorchTensor left, TorchTensor right) {
        int tokens = x.size(0);
        int n1 = left.size(0);
        int n2 = right.size(0);
        TorchTensor product = left.transpose().matmul(x.reshape(tokens, n1, n2).matmul(right));
        return product.reshape(tokens, (long) n1 * n2);
    }

    private static TorchTensor hadamard(InputTransform.Hadamard hadamard, TorchTensor x) {
        int tokens = x.size(0);
        int n = hadamard.size();
        TorchTensor y = x.mul(TorchTensor.of(hadamard.signs(), n));
        int log = Integer.numberOfTrailingZeros(hadamard.power());
        // the matrix of 2^log is the Kronecker product of two smaller ones
        int inner = 1 << log / 2;
        int outer = 1 << log - log / 2;
        y = y.reshape(tokens, (long) hadamard.odd() * outer, inner).matmul(matrix(inner));
        y = matrix(outer).matmul(y.reshape((long) tokens * hadamard.odd(), outer, inner));
        if (hadamard.odd() > 1) {
            int m = hadamard.odd();
            TorchTensor hartley =
                    TorchTensor.of(InputTransform.Hadamard.hartley(m), m, m).toFloat();
            y = hartley.matmul(y.reshape(tokens, m, hadamard.power()));
        }
        return y.reshape(tokens, n);
    }

    /// The normalised Hadamard matrix, symmetric.
    private static TorchTensor matrix(int k) {
        float[] values = new float[k * k];
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                values[i * k + j] = (float) ((Integer.bitCount(i & j) % 2 == 0 ? 1 : -1) / Math.sqrt(k));
            }
        }
        return TorchTensor.of(values, k, k);
    }
}
