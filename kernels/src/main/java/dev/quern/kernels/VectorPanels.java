package dev.quern.kernels;

import dev.quern.core.Codebook;
import dev.quern.core.VectorWeight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Panels of a codebook weight: runs of places (the outliers, then each group of columns) that share a book.
record VectorPanels(int rows, int cols, List<VectorRun> runs, boolean outside) implements OutsidePanels {
    static VectorPanels of(VectorWeight weight) {
        List<VectorRun> runs = new ArrayList<>();
        Codebook outlier = weight.outlier();
        if (outlier != null) {
            VectorRun run = new VectorRun(weight.rows(), 0, weight.outliers(), outlier, null, 0);
            int[] indices = new int[weight.outliers()];
            for (int n = 0; n < run.vectors(); n++) {
                for (int place = 0; place < indices.length; place++) {
                    indices[place] = weight.outlierIndex(n, place);
                }
                run.set(n, indices, 0);
            }
            runs.add(run);
        }
        int size = weight.groupSize();
        for (int group = 0; group < weight.main().groups(); group++) {
            int from = weight.outliers() + group * size;
            runs.add(new VectorRun(weight.rows(), from, size, weight.main(), weight.residual(), group));
        }
        int first = runs.size() - weight.main().groups();
        int[] codes = new int[weight.cols() - weight.outliers()];
        for (int n = 0; n < weight.vectors(); n++) {
            weight.unpackIndices(n, codes, 0);
            for (int group = 0; group < weight.main().groups(); group++) {
                runs.get(first + group).set(n, codes, group * size);
            }
        }
        return new VectorPanels(
                weight.rows(), weight.cols(), List.copyOf(runs), runs.stream().allMatch(VectorRun::outside));
    }

    @Override
    public InputOrder order() {
        return InputOrder.plain(cols);
    }

    @Override
    public long bytes() {
        return runs.stream().mapToLong(VectorRun::bytes).sum();
    }

    @Override
    public boolean outside() {
        return outside;
    }

    @Override
    public void dot(int panel, long x, long y) {
        for (int i = 0; i < runs.size(); i++) {
            runs.get(i).addDot(panel, x, y);
        }
    }

    @Override
    public void dot(int panel, float[] x, int xAt, float[] sums, int sumsAt, float[] y, int yAt, Scratch scratch) {
        Arrays.fill(y, yAt, yAt + ROWS, 0f);
        for (int i = 0; i < runs.size(); i++) {
            runs.get(i).addDot(panel, x, xAt, y, yAt, scratch);
        }
    }

    @Override
    public void unpack(int panel, float[] tile, Scratch scratch) {
        for (VectorRun run : runs) {
            run.unpack(panel, tile, scratch);
        }
    }
}
