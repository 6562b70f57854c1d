package dev.quern.kernels;

/// A small matrix product on float arrays, cut into inner blocks: `C (+)= A · B`, all row-major with strides.
final class Product {
    private Product() {}

    /// Adds to (`add`) or sets `C[m, n]` from `A[m, k] · B[k, n]`; `n` is a multiple of the vector's lanes.
    static void multiply(
            float[] a,
            int a0,
            int aStride,
            int m,
            float[] b,
            int b0,
            int bStride,
            int n,
            int k,
            float[] c,
            int c0,
            int cStride,
            boolean add) {
        int j = 0;
        if (VectorWidth.BITS == 512) {
            for (; j <= n - Tile6x4.COLS; j += Tile6x4.COLS) {
                for (int i = 0; i < m; i += Tile6x4.ROWS) {
                    Tile6x4.multiply(
                            a,
                            a0 + i * aStride,
                            aStride,
                            m - i,
                            b,
                            b0 + j,
                            bStride,
                            k,
                            c,
                            c0 + i * cStride + j,
                            cStride,
                            add);
                }
            }
        } else {
            for (; j <= n - Tile6x2.COLS; j += Tile6x2.COLS) {
                for (int i = 0; i < m; i += Tile6x2.ROWS) {
                    Tile6x2.multiply(
                            a,
                            a0 + i * aStride,
                            aStride,
                            m - i,
                            b,
                            b0 + j,
                            bStride,
                            k,
                            c,
                            c0 + i * cStride + j,
                            cStride,
                            add);
                }
            }
        }
        for (; j < n; j += Tile6x1.COLS) {
            for (int i = 0; i < m; i += Tile6x1.ROWS) {
                Tile6x1.multiply(
                        a,
                        a0 + i * aStride,
                        aStride,
                        m - i,
                        b,
                        b0 + j,
                        bStride,
                        k,
                        c,
                        c0 + i * cStride + j,
                        cStride,
                        add);
            }
        }
    }
}
