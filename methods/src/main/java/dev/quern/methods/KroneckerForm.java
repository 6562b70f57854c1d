package dev.quern.methods;

import dev.quern.models.InputTransform;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `A = P₁ ⊗ P₂` of two factors whose sizes are as close as may be (FlatQuant, arXiv:2410.09426): n·(n₁ + n₂)
/// multiplications a token at run time instead of n². Each factor is written by `factor`; no mask.
record KroneckerForm(InvertibleForm factor) implements InvertibleForm {
    @Override
    public String name() {
        return "kronecker";
    }

    /// The smaller factor's size: the largest divisor of `size` not above its root.
    static int smaller(int size) {
        int n = (int) Math.sqrt(size);
        while (size % n != 0) {
            n--;
        }
        return n;
    }

    /// Starts as the identity; `scales` are all 1.
    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        if (count != 1) {
            throw new IllegalArgumentException("one Kronecker product a site, not " + count);
        }
        int n1 = smaller(size);
        double[] ones = new double[size];
        Arrays.fill(ones, 1);
        return concat(
                factor.begin(site + ".outer", 1, n1, Arrays.copyOf(ones, n1)),
                factor.begin(site + ".inner", 1, size / n1, Arrays.copyOf(ones, size / n1)));
    }

    private static List<Learned> concat(List<Learned> a, List<Learned> b) {
        return Stream.concat(a.stream(), b.stream()).toList();
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        List<MatrixPair> factors = factors(values);
        MatrixPair outer = factors.get(0);
        MatrixPair inner = factors.get(1);
        return new MatrixPair(
                outer.matrix().kronecker(inner.matrix()), outer.inverse().kronecker(inner.inverse()));
    }

    @Override
    public List<MatrixPair> factors(List<TorchTensor> values, @Nullable TorchTensor mask) {
        return factors(values);
    }

    private List<MatrixPair> factors(List<TorchTensor> values) {
        int half = values.size() / 2;
        return List.of(
                factor.build(values.subList(0, half), null), factor.build(values.subList(half, values.size()), null));
    }

    @Override
    public InputTransform inverseTransform(List<TorchTensor> values, @Nullable TorchTensor mask) {
        List<MatrixPair> factors = factors(values);
        TorchTensor left = factors.get(0).inverse();
        TorchTensor right = factors.get(1).inverse();
        return new InputTransform.Kronecker(left.size(1), left.toFloats(), right.size(1), right.toFloats());
    }
}
