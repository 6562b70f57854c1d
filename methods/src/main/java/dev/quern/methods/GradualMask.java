package dev.quern.methods;

import dev.quern.core.UsageException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// AffineQuant's schedule (arXiv:2403.12544, eq. 8): training begins with the diagonal and opens the matrix band by
/// band, so that off-diagonals come in slowly and the matrix stays invertible.
///
/// In epoch `e` of `E` elements nearer to the diagonal than `w(e) = (n − 1) · e div (E − 1) + 1` take part, multiplied
/// by
/// the stability factor. Integer arithmetic, unlike the reference, whose floating point leaves the outermost diagonal
/// closed for some sizes. A training of one epoch opens everything. Where `gradual` is false every epoch does.
record GradualMask(int epochs, double stabilityFactor, boolean gradual) {
    /// Everything open, nothing scaled.
    static final GradualMask OPEN = new GradualMask(1, 1, false);

    GradualMask {
        if (epochs < 1) {
            throw new UsageException("epochs is at least 1, not " + epochs);
        }
        if (!(stabilityFactor >= 0 && stabilityFactor <= 1)) {
            throw new UsageException("stability-factor is between 0 and 1, not " + stabilityFactor);
        }
    }

    /// Diagonals at this distance and beyond are closed in `epoch`.
    int width(int epoch, int size) {
        return gradual && epochs > 1
                ? Math.toIntExact((size - 1L) * Math.min(epoch, epochs - 1) / (epochs - 1)) + 1
                : size;
    }

    /// The mask `[size, size]` of `epoch`: 1 on the diagonal, the stability factor within the band, 0 elsewhere; null
    /// where it would be all ones.
    double @Nullable [] matrix(int epoch, int size) {
        int width = width(epoch, size);
        if (width == size && stabilityFactor == 1) {
            return null;
        }
        double[] mask = new double[size * size];
        for (int row = 0; row < size; row++) {
            int from = Math.max(0, row - width + 1);
            int to = Math.min(size, row + width);
            Arrays.fill(mask, row * size + from, row * size + to, stabilityFactor);
            mask[row * size + row] = 1;
        }
        return mask;
    }
}
