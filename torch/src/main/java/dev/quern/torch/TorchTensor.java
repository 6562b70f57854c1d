package dev.quern.torch;

import dev.quern.core.DType;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/// A native tensor of float or double, freed with the `TorchScope` that it was made in.
///
/// A thin wrapper: names and broadcasting are libtorch's. Dimensions may be negative (counted from the end). Operations
/// return new tensors, except those whose name ends in `InPlace`; `reshape`, `slice`, `transpose`, `diagonal` and
/// `detach` may share memory with their source. Factories copy from Java, `toFloats` copies back: no Java memory is
/// ever
/// shared. A tensor may be read by several threads at once.
public final class TorchTensor {
    private final org.bytedeco.pytorch.Tensor raw;

    TorchTensor(org.bytedeco.pytorch.Tensor raw) {
        this.raw = raw;
    }

    org.bytedeco.pytorch.Tensor raw() {
        return raw;
    }

    // ---- from Java

    /// A float tensor over a copy of `values`.
    public static TorchTensor of(float[] values, long... shape) {
        checkCount(values.length, shape);
        TorchTensor result = empty(ScalarType.Float, shape);
        result.raw.data_ptr_float().put(values, 0, values.length);
        return result;
    }

    /// A float tensor over a copy of `values[offset …)`, as many as the shape asks for.
    public static TorchTensor ofRange(float[] values, int offset, long... shape) {
        TorchTensor result = empty(ScalarType.Float, shape);
        result.raw.data_ptr_float().put(values, offset, Math.toIntExact(result.count()));
        return result;
    }

    /// A double tensor over a copy of `values`.
    public static TorchTensor of(double[] values, long... shape) {
        checkCount(values.length, shape);
        TorchTensor result = empty(ScalarType.Double, shape);
        result.raw.data_ptr_double().put(values, 0, values.length);
        return result;
    }

    /// A float tensor over a copy of a segment of little endian floats.
    public static TorchTensor of(MemorySegment floats, long... shape) {
        TorchTensor result = empty(ScalarType.Float, shape);
        if (floats.byteSize() != 4 * result.count()) {
            throw new IllegalArgumentException(
                    floats.byteSize() + " bytes do not fill shape " + Arrays.toString(shape));
        }
        ByteBuffer bytes = result.raw.data_ptr_float().capacity(result.count()).asByteBuffer();
        MemorySegment.ofBuffer(bytes).copyFrom(floats);
        return result;
    }

    /// A float tensor with the values of a stored tensor, widened where need be.
    public static TorchTensor of(Tensor stored) {
        return stored.dtype() == DType.F32
                ? of(stored.data(), stored.shape().sizes())
                : of(stored.toFloats(), stored.shape().sizes());
    }

    /// A float matrix `[out, in]` with the dequantized values of a stored weight.
    public static TorchTensor of(PackedWeight weight) {
        TorchTensor result = empty(ScalarType.Float, weight.rows(), weight.cols());
        FloatPointer target = result.raw.data_ptr_float();
        float[] row = new float[weight.cols()];
        for (int i = 0; i < weight.rows(); i++) {
            weight.unpackRow(i, row, 0);
            target.position((long) i * row.length).put(row, 0, row.length);
        }
        return result;
    }

    /// A float scalar.
    public static TorchTensor scalar(float value) {
        return of(new float[] {value});
    }

    /// Float zeros.
    public static TorchTensor zeros(long... shape) {
        return fill(ScalarType.Float, 0, shape);
    }

    /// Double zeros.
    public static TorchTensor zerosDouble(long... shape) {
        return fill(ScalarType.Double, 0, shape);
    }

    /// A float tensor of one value.
    public static TorchTensor full(double value, long... shape) {
        return fill(ScalarType.Float, value, shape);
    }

    /// The float identity `[n, n]`.
    public static TorchTensor identity(int n) {
        TorchScope.requireOpen();
        return new TorchTensor(torch.eye(n));
    }

    private static TorchTensor fill(ScalarType type, double value, long... shape) {
        TorchScope.requireOpen();
        return new TorchTensor(torch.full(shape, new Scalar(value), new TensorOptions(type)));
    }

    private static TorchTensor empty(ScalarType type, long... shape) {
        TorchScope.requireOpen();
        return new TorchTensor(torch.empty(shape, new TensorOptions(type), null));
    }

    private static void checkCount(long count, long... shape) {
        long wanted = 1;
        for (long size : shape) {
            wanted = Math.multiplyExact(wanted, size);
        }
        if (wanted != count) {
            throw new IllegalArgumentException(count + " values do not fill shape " + Arrays.toString(shape));
        }
    }

    private static org.bytedeco.pytorch.Tensor indices(int[] values) {
        TorchScope.requireOpen();
        org.bytedeco.pytorch.Tensor result =
                torch.empty(new long[] {values.length}, new TensorOptions(ScalarType.Long), null);
        LongPointer data = result.data_ptr_long();
        data.put(Arrays.stream(values).asLongStream().toArray(), 0, values.length);
        return result;
    }

    // ---- to Java

    /// The elements in row-major order as float.
    public float[] toFloats() {
        float[] values = new float[Math.toIntExact(count())];
        copyTo(values, 0);
        return values;
    }

    /// Copies the elements in row-major order as float to `target[offset …)`.
    public void copyTo(float[] target, int offset) {
        TorchScope.run(() -> raw.detach()
                .to(ScalarType.Float)
                .contiguous()
                .data_ptr_float()
                .get(target, offset, Math.toIntExact(count())));
    }

    /// The elements in row-major order as double.
    public double[] toDoubles() {
        double[] values = new double[Math.toIntExact(count())];
        TorchScope.run(() -> {
            DoublePointer data = raw.detach().to(ScalarType.Double).contiguous().data_ptr_double();
            data.get(values, 0, values.length);
        });
        return values;
    }

    /// The elements of a tensor of indices (`argMin`, `argMax`).
    public int[] toInts() {
        long[] values = new long[Math.toIntExact(count())];
        TorchScope.run(
                () -> raw.to(ScalarType.Long).contiguous().data_ptr_long().get(values, 0, values.length));
        return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
    }

    /// The value of a tensor of one element.
    public double item() {
        return raw.item_double();
    }

    /// The sizes, outermost first.
    public long[] shape() {
        long[] shape = new long[rank()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = raw.size(i);
        }
        return shape;
    }

    /// The size of one dimension.
    public int size(int dim) {
        return Math.toIntExact(raw.size(dim));
    }

    /// The number of dimensions.
    public int rank() {
        return (int) raw.dim();
    }

    /// The number of elements.
    public long count() {
        return raw.numel();
    }

    /// True where the elements are doubles.
    public boolean isDouble() {
        return raw.scalar_type() == ScalarType.Double;
    }

    /// True where no element is NaN or infinite.
    public boolean isFinite() {
        return TorchScope.call(() -> torch.isfinite(raw).all().item_bool());
    }

    // ---- arithmetic

    public TorchTensor matmul(TorchTensor other) {
        return new TorchTensor(torch.matmul(raw, other.raw));
    }

    /// `this · weightᵀ (+ bias)`, `weight [out, in]`.
    public TorchTensor linear(TorchTensor weight, @Nullable TorchTensor bias) {
        return new TorchTensor(
                bias == null
                        ? torch.linear(raw, weight.raw)
                        : torch.linear(raw, weight.raw, new TensorOptional(bias.raw)));
    }

    public TorchTensor add(TorchTensor other) {
        return new TorchTensor(raw.add(other.raw));
    }

    public TorchTensor add(double value) {
        return new TorchTensor(raw.add(new Scalar(value)));
    }

    public TorchTensor sub(TorchTensor other) {
        return new TorchTensor(raw.sub(other.raw));
    }

    public TorchTensor mul(TorchTensor other) {
        return new TorchTensor(raw.mul(other.raw));
    }

    public TorchTensor mul(double value) {
        return new TorchTensor(raw.mul(new Scalar(value)));
    }

    public TorchTensor div(TorchTensor other) {
        return new TorchTensor(raw.div(other.raw));
    }

    public TorchTensor neg() {
        return new TorchTensor(raw.neg());
    }

    public TorchTensor abs() {
        return new TorchTensor(raw.abs());
    }

    public TorchTensor square() {
        return new TorchTensor(raw.square());
    }

    public TorchTensor sqrt() {
        return new TorchTensor(raw.sqrt());
    }

    public TorchTensor rsqrt() {
        return new TorchTensor(raw.rsqrt());
    }

    public TorchTensor exp() {
        return new TorchTensor(raw.exp());
    }

    public TorchTensor log() {
        return new TorchTensor(raw.log());
    }

    /// Nearest integer, halves to even; its gradient is zero.
    public TorchTensor round() {
        return new TorchTensor(raw.round());
    }

    /// Nearest integer, halves to even; the gradient passes straight through.
    public TorchTensor roundStraight() {
        return add(round().sub(this).detach());
    }

    /// The nearest float16 values that are finite; the gradient passes straight through.
    public TorchTensor toHalfStraight() {
        TorchTensor finite = clamp(-65504, 65504);
        return add(new TorchTensor(finite.raw.to(ScalarType.Half).to(ScalarType.Float))
                .sub(this)
                .detach());
    }

    public TorchTensor clamp(double min, double max) {
        return new TorchTensor(raw.clamp(new ScalarOptional(new Scalar(min)), new ScalarOptional(new Scalar(max))));
    }

    /// 1 where the value is at least `bound`, else 0; no gradient.
    public TorchTensor atLeast(double bound) {
        return new TorchTensor(raw.ge(new Scalar(bound)).to(ScalarType.Float));
    }

    /// These values where `mask` is 1, `other` where it is 0.
    public TorchTensor where(TorchTensor mask, double other) {
        return mul(mask).add(mask.neg().add(1).mul(other));
    }

    public TorchTensor sigmoid() {
        return new TorchTensor(raw.sigmoid());
    }

    public TorchTensor tanh() {
        return new TorchTensor(raw.tanh());
    }

    public TorchTensor sin() {
        return new TorchTensor(raw.sin());
    }

    public TorchTensor cos() {
        return new TorchTensor(raw.cos());
    }

    public TorchTensor silu() {
        return new TorchTensor(torch.silu(raw));
    }

    /// GELU by its tanh approximation.
    public TorchTensor geluTanh() {
        return new TorchTensor(torch.gelu(raw, "tanh"));
    }

    public TorchTensor softmax(int dim) {
        return new TorchTensor(torch.softmax(raw, dim));
    }

    public TorchTensor logSoftmax(int dim) {
        return new TorchTensor(torch.log_softmax(raw, dim));
    }

    // ---- reductions

    public TorchTensor sum() {
        return new TorchTensor(raw.sum());
    }

    /// The sum along one dimension, which stays with size 1.
    public TorchTensor sum(int dim) {
        return new TorchTensor(raw.sum(new long[] {dim}, true, null));
    }

    public TorchTensor mean() {
        return new TorchTensor(raw.mean());
    }

    /// The mean along one dimension, which stays with size 1.
    public TorchTensor mean(int dim) {
        return new TorchTensor(raw.mean(new long[] {dim}, true, null));
    }

    /// The largest value along one dimension, which stays with size 1.
    public TorchTensor max(int dim) {
        return new TorchTensor(raw.amax(new long[] {dim}, true));
    }

    /// The smallest value along one dimension, which stays with size 1.
    public TorchTensor min(int dim) {
        return new TorchTensor(raw.amin(new long[] {dim}, true));
    }

    /// Where the largest value along one dimension stands; the dimension goes.
    public TorchTensor argMax(int dim) {
        return new TorchTensor(raw.argmax(new LongOptional(dim), false));
    }

    /// Where the smallest value along one dimension stands; the dimension goes.
    public TorchTensor argMin(int dim) {
        return new TorchTensor(raw.argmin(new LongOptional(dim), false));
    }

    /// Mean of −log softmax over the rows `[tokens, classes]` at the target classes.
    public TorchTensor crossEntropy(int[] targets) {
        return new TorchTensor(torch.cross_entropy_loss(raw, indices(targets)));
    }

    // ---- shape

    /// Swaps the last two dimensions.
    public TorchTensor transpose() {
        return transpose(-2, -1);
    }

    public TorchTensor transpose(int a, int b) {
        return new TorchTensor(raw.transpose(a, b));
    }

    public TorchTensor reshape(long... shape) {
        return new TorchTensor(raw.reshape(shape));
    }

    /// Repeats dimensions of size 1 without copying.
    public TorchTensor expand(long... shape) {
        return new TorchTensor(raw.expand(shape));
    }

    /// Elements `from … to` of one dimension.
    public TorchTensor slice(int dim, long from, long to) {
        return new TorchTensor(raw.narrow(dim, from, to - from));
    }

    /// Element `index` of one dimension, which goes.
    public TorchTensor select(int dim, long index) {
        return new TorchTensor(raw.select(dim, index));
    }

    /// These rows (entries of the first dimension), in this order.
    public TorchTensor rows(int[] rows) {
        return new TorchTensor(raw.index_select(0, indices(rows)));
    }

    /// These entries of one dimension, in this order.
    public TorchTensor pick(int dim, int[] entries) {
        return new TorchTensor(raw.index_select(dim, indices(entries)));
    }

    /// Reverses the order along these dimensions.
    public TorchTensor flip(long... dims) {
        return new TorchTensor(raw.flip(dims));
    }

    /// Joins tensors along one dimension.
    public static TorchTensor cat(List<TorchTensor> parts, int dim) {
        TorchScope.requireOpen();
        org.bytedeco.pytorch.Tensor[] raws =
                parts.stream().map(TorchTensor::raw).toArray(org.bytedeco.pytorch.Tensor[]::new);
        return new TorchTensor(torch.cat(new TensorVector(raws), dim));
    }

    public TorchTensor toDouble() {
        return new TorchTensor(raw.to(ScalarType.Double));
    }

    public TorchTensor toFloat() {
        return new TorchTensor(raw.to(ScalarType.Float));
    }

    /// The same values in the type of `other`.
    public TorchTensor like(TorchTensor other) {
        return new TorchTensor(raw.to(other.raw.scalar_type()));
    }

    /// A tensor of its own memory with the same values.
    public TorchTensor copy() {
        return new TorchTensor(raw.clone());
    }

    // ---- linear algebra

    /// The diagonal of a square matrix, a view: `addInPlace` on it changes the matrix.
    public TorchTensor diagonal() {
        return new TorchTensor(raw.diagonal());
    }

    /// Matrices with these rows on their diagonals: `[…, n]` → `[…, n, n]`.
    public TorchTensor diagonalMatrix() {
        return new TorchTensor(torch.diag_embed(raw));
    }

    /// The Kronecker product of two tensors of the same rank.
    public TorchTensor kronecker(TorchTensor other) {
        return new TorchTensor(torch.kron(raw, other.raw));
    }

    /// The inverse of each square matrix `[…, n, n]`; throws where one is singular.
    public TorchTensor inverse() {
        return new TorchTensor(torch.linalg_inv(raw));
    }

    /// The lower Cholesky factor of a symmetric matrix (its lower triangle is read); empty where it is not positive
    /// definite or the factor is not finite.
    public Optional<TorchTensor> cholesky() {
        T_TensorTensor_T result = torch.linalg_cholesky_ex(raw, false, false);
        TorchTensor factor = new TorchTensor(result.get0());
        return result.get1().item_int() == 0 && factor.isFinite() ? Optional.of(factor) : Optional.empty();
    }

    /// X with `this · X = b` for a triangular `this`; the other triangle is not read.
    public TorchTensor solveTriangular(TorchTensor b, boolean upper) {
        return new TorchTensor(torch.linalg_solve_triangular(raw, b.raw, upper, true, false));
    }

    /// X with `X · this = b` for a triangular `this`; the other triangle is not read.
    public TorchTensor solveTriangularRight(TorchTensor b, boolean upper) {
        return new TorchTensor(torch.linalg_solve_triangular(raw, b.raw, upper, false, false));
    }

    // ---- in place

    public void addInPlace(TorchTensor other) {
        raw.add_(other.raw);
    }

    /// `this += factor · other`.
    public void addInPlace(TorchTensor other, double factor) {
        TorchScope.run(() -> raw.add_(other.raw, new Scalar(factor)));
    }

    public void addInPlace(double value) {
        TorchScope.run(() -> raw.add_(new Scalar(value)));
    }

    public void mulInPlace(double factor) {
        TorchScope.run(() -> raw.mul_(new Scalar(factor)));
    }

    /// `this = beta · this + alpha · a · b` for matrices.
    public void addMatmulInPlace(TorchTensor a, TorchTensor b, double beta, double alpha) {
        TorchScope.run(() -> raw.addmm_(a.raw, b.raw, new Scalar(beta), new Scalar(alpha)));
    }

    /// Takes over the values of a tensor of the same shape.
    public void copyInPlace(TorchTensor source) {
        TorchScope.run(() -> raw.copy_(source.raw));
    }

    // ---- gradients

    /// Marks a leaf: `backward` will leave its gradient in `grad`. Returns this.
    public TorchTensor requireGrad() {
        raw.requires_grad_(true);
        return this;
    }

    /// True where a gradient can flow back through this tensor.
    public boolean requiresGrad() {
        return raw.requires_grad();
    }

    /// Adds the gradient of this scalar to every leaf it depends on.
    public void backward() {
        raw.backward();
    }

    /// The gradient gathered so far, sharing memory with what later calls of `backward` add to; empty before the first.
    public Optional<TorchTensor> grad() {
        org.bytedeco.pytorch.Tensor grad = raw.grad();
        // What libtorch hands out is a reference into the leaf: the copy owns the gradient too.
        return grad.defined() ? Optional.of(new TorchTensor(new org.bytedeco.pytorch.Tensor(grad))) : Optional.empty();
    }

    /// The same values without their history; shares memory.
    public TorchTensor detach() {
        return new TorchTensor(raw.detach());
    }

    // ---- lifetime

    /// Lets this tensor outlive its scope, on any thread, until `release`. Returns this.
    public TorchTensor retain() {
        raw.retainReference();
        return this;
    }

    /// Ends what `retain` began; the tensor is gone unless its scope is still open.
    public void release() {
        raw.releaseReference();
    }
}
