package dev.quern.methods;

import dev.quern.torch.TorchTensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `A = U · diag(exp t) · Vᵀ` with orthogonal U and V, so that `A⁻¹ = V · diag(exp −t) · Uᵀ` needs no inversion and the
/// condition number never exceeds `maxCondition` in the spectral norm.
///
/// `U = (I − S) · (I + S)⁻¹` for a skew-symmetric S (Cayley): `I + S` is never singular. `t` is bounded smoothly, by
/// `c · tanh(t / c)`, `c = log(maxCondition) / 2`.
record SvdForm(double maxCondition) implements InvertibleForm {
    @Override
    public String name() {
        return "svd";
    }

    @Override
    public List<Learned> begin(String site, int count, int size, double[] scales) {
        double bound = bound();
        double[] logs = InvertibleForm.logs(scales);
        for (int i = 0; i < logs.length; i++) {
            double share = Math.clamp(logs[i] / bound, -0.95, 0.95);
            logs[i] = bound * 0.5 * (Math.log1p(share) - Math.log1p(-share));
        }
        int square = Math.multiplyExact(count, size * size);
        return List.of(
                new Learned(site + ".scale", Learned.Part.SCALE, logs, count, size),
                new Learned(site + ".left", Learned.Part.MATRIX, new double[square], count, size, size),
                new Learned(site + ".right", Learned.Part.MATRIX, new double[square], count, size, size));
    }

    @Override
    public MatrixPair build(List<TorchTensor> values, @Nullable TorchTensor mask) {
        TorchTensor t = values.getFirst().mul(1 / bound()).tanh().mul(bound());
        t = t.reshape(t.size(0), 1, t.size(1));
        TorchTensor u = cayley(InvertibleForm.masked(values.get(1), mask));
        TorchTensor v = cayley(InvertibleForm.masked(values.get(2), mask));
        return new MatrixPair(
                u.mul(t.exp()).matmul(v.transpose()), v.mul(t.neg().exp()).matmul(u.transpose()));
    }

    /// `(I − S) · (I + S)⁻¹` with `S = (M − Mᵀ) / 2`.
    static TorchTensor cayley(TorchTensor free) {
        TorchTensor skew = free.sub(free.transpose()).mul(0.5);
        TorchTensor identity = TorchTensor.identity(free.size(1)).toDouble();
        return identity.sub(skew).matmul(identity.add(skew).inverse());
    }

    private double bound() {
        return 0.5 * Math.log(maxCondition);
    }
}
