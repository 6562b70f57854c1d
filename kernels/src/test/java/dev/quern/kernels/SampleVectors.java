package dev.quern.kernels;

import dev.quern.core.Codebook;
import dev.quern.core.DType;
import dev.quern.core.PackedBits;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// Seeded codebook weights of every shape, and their row slices.
final class SampleVectors {
    private SampleVectors() {}

    static List<VectorWeight> all(int rows, int cols, Random random) {
        return Arrays.stream(VECTORS)
                .map(shape -> vectors(rows, cols, shape, random))
                .toList();
    }

    /// Length, size, residual size (0 = none), groups, outliers, 1 = with norm and permutation.
    private static final int[][] VECTORS = {
        {4, 256, 0, 1, 0, 0},
        {4, 256, 0, 1, 0, 1},
        {4, 64, 64, 1, 0, 1},
        {8, 512, 256, 1, 0, 0},
        {16, 64, 0, 1, 3, 1},
        {2, 16, 0, 2, 0, 0},
        {1, 4, 0, 1, 0, 1},
        {6, 128, 16, 1, 2, 1},
        {3, 32, 0, 2, 0, 1},
        {12, 16, 16, 1, 0, 1},
    };

    /// Vectors of random centroids; groups that do not divide the columns leave the rest to the outliers.
    static VectorWeight vectors(int rows, int cols, int[] shape, Random random) {
        int length = shape[0];
        int groups = shape[3];
        int outliers = shape[4] + (cols - shape[4]) % groups;
        int groupSize = (cols - outliers) / groups;
        int vectors = Math.ceilDiv(rows, length);
        int bits =
                Integer.numberOfTrailingZeros(shape[1]) + (shape[2] == 0 ? 0 : Integer.numberOfTrailingZeros(shape[2]));
        int[] codes =
                random.ints((long) groups * vectors * groupSize, 0, 1 << bits).toArray();
        int[] places = IntStream.range(0, cols).toArray();
        for (int i = cols - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int keep = places[i];
            places[i] = places[j];
            places[j] = keep;
        }
        boolean norm = shape[5] == 1;
        return new VectorWeight(
                rows,
                cols,
                new Codebook(groups, shape[1], length, half(random, groups, (long) shape[1] * length)),
                shape[2] == 0
                        ? null
                        : new Codebook(groups, shape[2], length, half(random, groups, (long) shape[2] * length)),
                outliers == 0 ? null : new Codebook(1, 8, 2, half(random, 1, 16)),
                outliers,
                Tensor.of(
                        PackedBits.pack(codes, groups * vectors, groupSize, bits),
                        groups,
                        vectors,
                        PackedBits.words(groupSize, bits)),
                outliers == 0
                        ? null
                        : VectorWeight.unsigned(
                                random.ints((long) Math.ceilDiv(rows, 2) * outliers, 0, 8)
                                        .toArray(),
                                1,
                                Math.ceilDiv(rows, 2),
                                outliers),
                norm ? VectorWeight.unsigned(places, cols) : null,
                norm ? half(random, cols) : null,
                norm ? half(random, cols) : null);
    }

    /// Vectors straddle a cut, so the slice has vectors of one number and every number of the books as a centroid.
    static VectorWeight slice(VectorWeight v, int from, int to) {
        int length = v.main().length();
        int padded = Integer.highestOneBit(2 * length - 1);
        int shift = Integer.numberOfTrailingZeros(padded);
        int size = v.groupSize();
        int groups = v.main().groups();
        int rows = to - from;
        Codebook residual = v.residual();
        Codebook outlier = v.outlier();
        int bits = v.indexBits() + (residual == null ? shift : 2 * shift);
        int low = v.main().bits();
        int[] codes = new int[v.cols() - v.outliers()];
        int[] words = new int[groups * rows * size];
        int[] outliers = new int[rows * v.outliers()];
        for (int r = from; r < to; r++) {
            v.unpackIndices(r / length, codes, 0);
            int t = r % length;
            for (int i = 0; i < codes.length; i++) {
                int main = codes[i] & v.main().size() - 1;
                int second = residual == null ? 0 : (codes[i] >>> low << shift | t) << low + shift;
                words[(i / size * rows + r - from) * size + i % size] = main << shift | t | second;
            }
            for (int place = 0; outlier != null && place < v.outliers(); place++) {
                int index = v.outlierIndex(r / outlier.length(), place);
                outliers[(r - from) * v.outliers() + place] = index * outlier.length() + r % outlier.length();
            }
        }
        return new VectorWeight(
                rows,
                v.cols(),
                numbers(v.main(), padded),
                residual == null ? null : numbers(residual, padded),
                outlier == null ? null : numbers(outlier, outlier.length()),
                v.outliers(),
                Tensor.of(
                        PackedBits.pack(words, groups * rows, size, bits), groups, rows, PackedBits.words(size, bits)),
                outlier == null ? null : VectorWeight.unsigned(outliers, 1, rows, v.outliers()),
                v.permutation(),
                v.scale(),
                v.shift());
    }

    private static Codebook numbers(Codebook book, int padded) {
        float[] values = new float[book.groups() * book.size() * padded];
        for (int i = 0; i < values.length; i++) {
            int t = i % padded;
            int centroid = i / padded;
            values[i] = t < book.length() ? book.at(centroid / book.size(), centroid % book.size(), t) : 0;
        }
        int size = book.size() * padded;
        return new Codebook(book.groups(), size, 1, Tensor.of(DType.F16, values, book.groups(), size));
    }

    private static Tensor half(Random random, long... sizes) {
        return Tensor.of(DType.F16, SampleWeights.floats(Math.toIntExact(new Shape(sizes).count()), random), sizes);
    }
}
