package dev.quern.core;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// A matrix whose columns are cut into vectors of `v` consecutive outputs, each stored as the index of a centroid
/// (VPTQ, arXiv:2409.17066): `W[n·v + t, π[c]] = (C[i] + C_r[i_r])[t] · scale[π[c]] + shift[π[c]]`.
///
/// - `main`: a book for each group of columns; `residual`, where there is one, adds a second vector;
/// - the first `outliers` places are columns with a book of their own (`outlier`, no residual) and unpacked indices
///   `outlierIndices` I16 as unsigned `[1, ceil(rows / v_o), outliers]`;
/// - the other places form groups of `groupSize()`; `indices` I32 `[groups, ceil(rows / v), words]` holds
///   `i | i_r << bits` for each place, `PackedBits`;
/// - `permutation` I16 as unsigned `[cols]`: the column at each place, null = in order;
/// - `scale`, `shift` `[cols]` in the columns' own order, both or neither.
///
/// Rows are padded to whole vectors; what decodes past the end is dropped. Arrays belong to the record.
public record VectorWeight(
        int rows,
        int cols,
        Codebook main,
        @Nullable Codebook residual,
        @Nullable Codebook outlier,
        int outliers,
        Tensor indices,
        @Nullable Tensor outlierIndices,
        @Nullable Tensor permutation,
        @Nullable Tensor scale,
        @Nullable Tensor shift)
        implements PackedWeight {
    public VectorWeight {
        if (!main.isPowerOfTwo() || (residual != null && !residual.isPowerOfTwo())) {
            throw new IllegalArgumentException("codebooks have a power of two of centroids, not " + main.size()
                    + (residual == null ? "" : " and " + residual.size()));
        }
        if (residual != null && (residual.length() != main.length() || residual.groups() != main.groups())) {
            throw new IllegalArgumentException(
                    "the residual codebook has " + residual.groups() + " books of vectors of " + residual.length()
                            + ", the main one " + main.groups() + " of " + main.length());
        }
        if (outliers < 0 || outliers > cols || (cols - outliers) % main.groups() != 0) {
            throw new IllegalArgumentException((cols - outliers) + " columns (" + outliers
                    + " outliers apart) do not divide into " + main.groups() + " groups");
        }
        if ((outliers > 0) != (outlier != null) || (outlier == null) != (outlierIndices == null)) {
            throw new IllegalArgumentException("outlier columns, their codebook and their indices come together");
        }
        int bits = main.bits() + (residual == null ? 0 : residual.bits());
        int words = PackedBits.words((cols - outliers) / main.groups(), bits);
        require("indices", indices, DType.I32, new Shape(main.groups(), Math.ceilDiv(rows, main.length()), words));
        if (outlierIndices != null && outlier != null) {
            Shape shape = new Shape(1, Math.ceilDiv(rows, outlier.length()), outliers);
            require("outlier_indices", outlierIndices, DType.I16, shape);
        }
        if (permutation != null) {
            requirePermutation(permutation, cols);
        }
        if ((scale == null) != (shift == null)) {
            throw new IllegalArgumentException("a scale and a shift come together");
        }
        if (scale != null && shift != null) {
            requireFloats("weight_scale", scale, cols);
            requireFloats("weight_bias", shift, cols);
        }
    }

    private static void require(String what, Tensor tensor, DType dtype, Shape shape) {
        if (tensor.dtype() != dtype || !tensor.shape().equals(shape)) {
            throw new IllegalArgumentException(
                    what + " are " + tensor.dtype() + " " + tensor.shape() + ", expected " + dtype + " " + shape);
        }
    }

    private static void requireFloats(String what, Tensor tensor, int cols) {
        if (!tensor.dtype().isFloat() || !tensor.shape().equals(new Shape(cols))) {
            throw new IllegalArgumentException(
                    what + " is " + tensor.dtype() + " " + tensor.shape() + ", expected floats [" + cols + "]");
        }
    }

    private static void requirePermutation(Tensor permutation, int cols) {
        require("perm", permutation, DType.I16, new Shape(cols));
        boolean[] seen = new boolean[cols];
        for (int place = 0; place < cols; place++) {
            int col = unsigned(permutation, place);
            if (col >= cols || seen[col]) {
                throw new IllegalArgumentException(
                        "perm is no permutation: entry " + place + " is " + col + ", out of range or seen before");
            }
            seen[col] = true;
        }
    }

    /// Columns of a group that have a book of their own.
    public int groupSize() {
        return (cols - outliers) / main.groups();
    }

    /// Vectors of a column.
    public int vectors() {
        return Math.ceilDiv(rows, main.length());
    }

    /// Bits of a packed index, both stages together.
    public int indexBits() {
        return main.bits() + (residual == null ? 0 : residual.bits());
    }

    /// Unpacks the indices of vector `n` of every place after the outliers, main index lowest: `cols − outliers` of
    /// them.
    public void unpackIndices(int n, int[] target, int offset) {
        int size = groupSize();
        for (int group = 0; group < main.groups(); group++) {
            long row = (long) group * vectors() + n;
            PackedBits.unpackRow(indices, row, size, indexBits(), target, offset + group * size);
        }
    }

    /// The index of vector `n` of outlier place `place`.
    public int outlierIndex(int n, int place) {
        if (outlierIndices == null) {
            throw new IllegalStateException("there are no outlier columns");
        }
        return unsigned(outlierIndices, (long) n * outliers + place);
    }

    /// Numbers `0 … 65535` as an I16 tensor, as `permutation` and `outlierIndices` hold them.
    public static Tensor unsigned(int[] values, long... shape) {
        MemorySegment data = MemorySegment.ofArray(new byte[2 * values.length]);
        for (int i = 0; i < values.length; i++) {
            data.set(Tensor.SHORT, 2L * i, (short) values[i]);
        }
        return new Tensor(DType.I16, new Shape(shape), data);
    }

    private static int unsigned(Tensor tensor, long at) {
        return Short.toUnsignedInt(tensor.data().get(Tensor.SHORT, 2 * at));
    }

    /// The column at `place`.
    public int column(int place) {
        return permutation == null ? place : unsigned(permutation, place);
    }

    @Override
    public MemorySegment memory() {
        return indices.data();
    }

    /// Indices, codebooks, permutation (16 bits each), scales and shifts.
    @Override
    public long bytes() {
        return indices.bytes()
                + main.bytes()
                + (residual == null ? 0 : residual.bytes())
                + (outlier == null ? 0 : outlier.bytes())
                + (outlierIndices == null ? 0 : outlierIndices.bytes())
                + (permutation == null ? 0 : 2L * cols)
                + (scale == null ? 0 : scale.bytes())
                + (shift == null ? 0 : shift.bytes());
    }

    /// `vptq-v4-k256`, `vptq-v8-k256-256-o6`.
    @Override
    public String encoding() {
        return "vptq-v" + main.length() + "-k" + main.size()
                + (residual == null ? "" : "-" + residual.size())
                + (main.groups() == 1 ? "" : "-g" + main.groups())
                + (outliers == 0 ? "" : "-o" + outliers);
    }

    @Override
    public void unpackRow(int row, float[] target, int offset) {
        int v = main.length();
        int[] codes = new int[cols - outliers];
        unpackIndices(row / v, codes, 0);
        int size = groupSize();
        int low = main.size() - 1;
        for (int i = 0; i < codes.length; i++) {
            int group = i / size;
            float value = main.at(group, codes[i] & low, row % v);
            if (residual != null) {
                value += residual.at(group, codes[i] >>> main.bits(), row % v);
            }
            store(value, outliers + i, target, offset);
        }
        if (outlier != null) {
            int length = outlier.length();
            for (int place = 0; place < outliers; place++) {
                store(outlier.at(0, outlierIndex(row / length, place), row % length), place, target, offset);
            }
        }
    }

    private void store(float value, int place, float[] target, int offset) {
        int col = column(place);
        if (scale != null && shift != null) {
            value = value * scale.floatAt(col) + shift.floatAt(col);
        }
        target[offset + col] = value;
    }
}
