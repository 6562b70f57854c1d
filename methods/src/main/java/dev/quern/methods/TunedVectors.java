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
    private final int outlierLength;
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
        Codebook second = stored.residual();
        this.residualSize = second == null ? 0 : second.size();
        this.residual = floats(second);
        Codebook third = stored.outlier();
        this.outlierLength = third == null ? 1 : third.length();
        this.outlier = floats(third);
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
        int outliers = stored.outliers();
        for (int row = from; row < to; row++) {
            for (int place = 0; place < outliers; place++) {
                put(outlier[outlierAt(row, place)], row, columns[place], target);
            }
            int[] code = codes[row / length];
            int within = row % length;
            for (int at = 0; at < code.length; at++) {
                put(number(code[at], groups[at], within), row, columns[outliers + at], target);
            }
        }
    }

    private void put(float number, int row, int col, float[] target) {
        target[row * cols + col] = scale.length == 0 ? number : number * scale[col] + shift[col];
    }

    /// The number `within` a vector of this code, of both stages together.
    private float number(int code, int group, int within) {
        float value = main[mainAt(code, group, within)];
        return residual.length == 0 ? value : value + residual[residualAt(code, group, within)];
    }

    private int mainAt(int code, int group, int within) {
        return (group * mainSize + (code & mainSize - 1)) * length + within;
    }

    private int residualAt(int code, int group, int within) {
        return (group * residualSize + (code >>> mainBits)) * length + within;
    }

    private int outlierAt(int row, int place) {
        return stored.outlierIndex(row / outlierLength, place) * outlierLength + row % outlierLength;
    }

    @Override
    public void gradients(float[] weight, List<double[]> sums) {
        int outliers = stored.outliers();
        for (int row = 0; row < rows; row++) {
            for (int place = 0; place < outliers; place++) {
                int entry = outlierAt(row, place);
                sums.get(2)[entry] += inner(weight, row, columns[place], outlier[entry], sums);
            }
            int[] code = codes[row / length];
            int within = row % length;
            double[] centroids = sums.get(0);
            double[] seconds = sums.get(1);
            for (int at = 0; at < code.length; at++) {
                float number = number(code[at], groups[at], within);
                double inner = inner(weight, row, columns[outliers + at], number, sums);
                centroids[mainAt(code[at], groups[at], within)] += inner;
                if (seconds.length > 0) {
                    seconds[residualAt(code[at], groups[at], within)] += inner;
                }
            }
        }
    }

    /// The gradient of a number before scale and shift, whose own it adds to `sums`.
    private double inner(float[] weight, int row, int col, float number, List<double[]> sums) {
        double outer = weight[row * cols + col];
        if (scale.length == 0) {
            return outer;
        }
        sums.get(3)[col] += outer * number;
        sums.get(4)[col] += outer;
        return outer * scale[col];
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
