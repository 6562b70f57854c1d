package dev.quern.methods;

import dev.quern.torch.Torch;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Gathers the second moments of one Linear's inputs, chunk of tokens by chunk.
///
/// Products are float32 over one chunk (some 2048 tokens), totals float64; each task owns a strip of rows and chunks
/// come
/// in order, so the sums do not depend on the number of threads. Of H only the upper half is computed.
final class HessianSum {
    private final int size;
    /// Rows of H of one task: few enough that little below the diagonal is computed in vain, many enough that packing
    /// the
    /// inputs for each product does not cost as much as the product.
    private final int strip;
    /// Where each strip's products come out, used again for every chunk.
    private final float[][] products;
    private final double[] h;
    private final double @Nullable [] drift;
    private final Parallel parallel;
    private long tokens;
    private long dropped;

    HessianSum(int size, boolean drift, Parallel parallel) {
        this.size = size;
        this.strip = Math.ceilDiv(size, Math.max(6, size / 512));
        this.products = new float[Math.ceilDiv(size, strip)][0];
        this.h = new double[Math.multiplyExact(size, size)];
        this.drift = drift ? new double[h.length] : null;
        this.parallel = parallel;
    }

    /// Adds `rows` inputs `x [rows, size]`, and what the float model has in their place. Rows that are not finite are
    /// set
    /// to zero in both (they are the caller's scratch) and counted.
    void add(float[] x, float @Nullable [] reference, int rows) {
        for (int row = 0; row < rows; row++) {
            boolean finite = finite(x, row) && (reference == null || finite(reference, row));
            tokens += finite ? 1 : 0;
            if (!finite) {
                dropped++;
                clear(x, row);
                if (reference != null) {
                    clear(reference, row);
                }
            }
        }
        int strips = products.length;
        TorchScope.run(() -> {
            TorchTensor inputs = TorchTensor.ofRange(x, 0, rows, size);
            TorchTensor gaps = reference == null
                    ? null
                    : TorchTensor.ofRange(reference, 0, rows, size).sub(inputs);
            parallel.run(
                    strips,
                    task -> TorchScope.run(() -> Torch.noGrad(() -> {
                        // long strips and short ones in turn, so that every thread's share is alike
                        int at = task % 2 == 0 ? task / 2 : strips - 1 - task / 2;
                        int from = at * strip;
                        int to = Math.min(size, from + strip);
                        products[at] = accumulate(h, inputs, inputs, from, to, from, products[at]);
                        if (gaps != null && drift != null) {
                            products[at] = accumulate(drift, gaps, inputs, from, to, 0, products[at]);
                        }
                        return from;
                    })));
        });
    }

    /// `sum[from … to, column …) += a[:, from … to]ᵀ · b[:, column …)`; returns the scratch memory it used.
    private float[] accumulate(
            double[] sum, TorchTensor a, TorchTensor b, int from, int to, int column, float[] scratch) {
        int width = size - column;
        float[] product = scratch.length >= (to - from) * width ? scratch : new float[(to - from) * width];
        a.slice(1, from, to)
                .transpose()
                .matmul(column == 0 ? b : b.slice(1, column, size))
                .copyTo(product, 0);
        for (int row = from; row < to; row++) {
            int at = row * size + column;
            int source = (row - from) * width;
            for (int i = 0; i < width; i++) {
                sum[at + i] += product[source + i];
            }
        }
        return product;
    }

    private boolean finite(float[] x, int row) {
        float sum = 0;
        for (int i = row * size; i < (row + 1) * size; i++) {
            sum += x[i] * 0f;
        }
        return sum == 0;
    }

    private void clear(float[] x, int row) {
        Arrays.fill(x, row * size, (row + 1) * size, 0f);
    }

    /// The means over all tokens added; the sums are used up.
    Hessian finish() {
        double scale = tokens == 0 ? 0 : 1.0 / tokens;
        for (int i = 0; i < size; i++) {
            for (int j = i; j < size; j++) {
                double value = h[i * size + j] * scale;
                h[i * size + j] = value;
                h[j * size + i] = value;
            }
        }
        if (drift != null) {
            for (int i = 0; i < drift.length; i++) {
                drift[i] *= scale;
            }
        }
        return new Hessian(size, h, drift, tokens, dropped);
    }
}
