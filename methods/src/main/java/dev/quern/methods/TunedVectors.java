package dev.quern.methods;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A codebook weight in training: codes stand, and centroids of all books, scales and shifts move.
///
/// Parameters are float arrays; the gradient of a centroid is the sum of its occurrences' gradients, each times its
/// column's scale.
final class TunedVectors implements TunedWeight {
    private final VectorWeight stored;
    private final int rows;
    private final int cols;
    private final int length;
    private final int mainSize;
    private final int mainBits;
    private final int residualSize;
    /// The column at each place.
    private final int[] columns;
    /// The group of each place after the outliers.
    private final int[] groups;
    /// Codes of each vector by place after the outliers.
    private final int[][] codes;
    private final float[] main;
    private final float[] residual;
    private final float[] outlier;
    private final float[] scale;
    private final float[] shift;

    TunedVectors(VectorWeight stored) {
        this.stored = stored;
        this.rows = stored.rows();
        this.cols = stored.cols();
        this.length = stored.main().length();
        this.mainSize = stored.main().size();
        this.mainBits = stored.main().bits();
        this.columns = IntStream.range(0, cols).map(stored::column).toArray();
        int size = stored.groupSize();
        this.groups = IntStream.range(0, cols - stored.outliers())
                .map(at -> at / size)
                .toArray();
        this.codes = new int[stored.vectors()][cols - stored.outliers()];
        for (int n = 0; n < codes.length; n++) {
            stored.unpackIndices(n, codes[n], 0);
        }
        this.main = stored.main().toFloats();
        this.residual = floats(stored.residual());
        Codebook second = stored.residual();
        this.residualSize = second == null ? 0 : second.size();
        this.outlier = floats(stored.outlier());
        this.scale = floats(stored.scale());
        this.shift = floats(stored.shift());
    }

    private static float[] floats(@Nullable Codebook book) {
        return book == null ? new float[0] : book.toFloats();
    }

    private static float[] floats(@Nullable Tensor tensor) {
        return tensor == null ? new float[0] : tensor.toFloats();
    }

    @Override
    public List<float[]> parameters() {
        return List.of(main, residual, outlier, scale, shift);
    }

    /// A shift is as large as a scale.
    @Override
    public double[] sizes() {
        double weight = rms(scale);
        return new double[] {rms(main), rms(residual), rms(outlier), weight, weight};
    }

    private static double rms(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return values.length == 0 ? 0 : Math.sqrt(sum / values.length);
    }

    @Override
    public void fill(int from, int to, float[] target) {
        for (int row = from; row < to; row++) {
            for (int place = 0; place < cols; place++) {
                int col = columns[place];
                float value = number(row, place);
                target[row * cols + col] = scale.length == 0 ? value : value * scale[col] + shift[col];
            }
        }
    }

    private float number(int row, int place) {
        if (place < stored.outliers()) {
            return outlier[outlierAt(row, place)];
        }
        float value = main[mainAt(row, place)];
        return residual.length == 0 ? value : value + residual[residualAt(row, place)];
    }

    private int outlierAt(int row, int place) {
        int length = outlier.length / outlierSize();
        return stored.outlierIndex(row / length, place) * length + row % length;
    }

    private int outlierSize() {
        Codebook book = stored.outlier();
        return book == null ? 1 : book.size();
    }

    private int mainAt(int row, int place) {
        int at = place - stored.outliers();
        int code = codes[row / length][at] & mainSize - 1;
        return (groups[at] * mainSize + code) * length + row % length;
    }

    private int residualAt(int row, int place) {
        int at = place - stored.outliers();
        int code = codes[row / length][at] >>> mainBits;
        return (groups[at] * residualSize + code) * length + row % length;
    }

    @Override
    public void gradients(float[] weight, List<double[]> sums) {
        double[] centroids = sums.get(0);
        double[] seconds = sums.get(1);
        double[] scales = sums.get(3);
        double[] shifts = sums.get(4);
        for (int row = 0; row < rows; row++) {
            for (int place = 0; place < cols; place++) {
                int col = columns[place];
                double g = weight[row * cols + col];
                double inner = g;
                if (scale.length > 0) {
                    scales[col] += g * number(row, place);
                    shifts[col] += g;
                    inner = g * scale[col];
                }
                if (place < stored.outliers()) {
                    sums.get(2)[outlierAt(row, place)] += inner;
                } else {
                    centroids[mainAt(row, place)] += inner;
                    if (residual.length > 0) {
                        seconds[residualAt(row, place)] += inner;
                    }
                }
            }
        }
    }

    @Override
    public VectorWeight pack() {
        Codebook second = stored.residual();
        Codebook third = stored.outlier();
        return new VectorWeight(
                rows,
                cols,
                repacked(stored.main(), main),
                second == null ? null : repacked(second, residual),
                third == null ? null : repacked(third, outlier),
                stored.outliers(),
                stored.indices(),
                stored.outlierIndices(),
                stored.permutation(),
                repacked(stored.scale(), scale),
                repacked(stored.shift(), shift));
    }

    private static Codebook repacked(Codebook book, float[] values) {
        DType dtype = book.centroids().dtype();
        return new Codebook(
                book.groups(),
                book.size(),
                book.length(),
                Tensor.of(dtype, values, book.centroids().shape().sizes()));
    }

    private static @Nullable Tensor repacked(@Nullable Tensor tensor, float[] values) {
        return tensor == null ? null : Tensor.of(tensor.dtype(), values, values.length);
    }
}
