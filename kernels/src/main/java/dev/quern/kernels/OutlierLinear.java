package dev.quern.kernels;

import dev.quern.core.DenseWeight;
import dev.quern.core.OutlierInt8Weight;

/// LLM.int8(): the regular inputs by an int8 product, the outlier columns by a product of floats, added.
record OutlierLinear(String kernel, CodeLinear regular, PreparedLinear columns, int[] outliers) implements CodeLinear {
    static OutlierLinear of(String kernel, OutlierInt8Weight weight, CodeLinear regular, LinearKernel dense) {
        return new OutlierLinear(kernel, regular, dense.prepare(new DenseWeight(weight.columns())), weight.outliers());
    }

    @Override
    public int rows() {
        return regular.rows();
    }

    @Override
    public int cols() {
        return regular.cols();
    }

    @Override
    public long weightBytes() {
        return regular.weightBytes() + columns.weightBytes();
    }

    @Override
    public void multiply(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        Border.check(this, x, xOffset, tokens, y, yOffset);
        if (outliers.length == 0) {
            regular.multiply(x, xOffset, tokens, y, yOffset, workers);
            return;
        }
        int cols = cols();
        float[] rest = workers.scratch().floats(Scratch.REST, Math.multiplyExact(tokens, cols));
        System.arraycopy(x, xOffset, rest, 0, tokens * cols);
        for (int t = 0; t < tokens; t++) {
            for (int column : outliers) {
                rest[t * cols + column] = 0;
            }
        }
        regular.multiply(rest, 0, tokens, y, yOffset, workers);
        addColumns(x, xOffset, tokens, y, yOffset, workers);
    }

    @Override
    public Runnable token(float[] x, float[] y, Workers workers) {
        if (outliers.length == 0) {
            return regular.token(x, y, workers);
        }
        float[] rest = new float[cols()];
        Runnable product = regular.token(rest, y, workers);
        Runnable columns = columnsOf(x, y, workers);
        return () -> {
            System.arraycopy(x, 0, rest, 0, rest.length);
            for (int column : outliers) {
                rest[column] = 0;
            }
            product.run();
            columns.run();
        };
    }

    /// The codes were made with the outlier columns exact, so that they count for nothing here.
    @Override
    public void multiply(InputCodes codes, float[] x, int xOffset, float[] y, int yOffset, Workers workers) {
        regular.multiply(codes, x, xOffset, y, yOffset, workers);
        addColumns(x, xOffset, codes.tokens(), y, yOffset, workers);
    }

    @Override
    public Runnable token(InputCodes codes, float[] x, float[] y, Workers workers) {
        Runnable product = regular.token(codes, x, y, workers);
        if (outliers.length == 0) {
            return product;
        }
        Runnable columns = columnsOf(x, y, workers);
        return () -> {
            product.run();
            columns.run();
        };
    }

    /// Adds the outlier columns of one token.
    private Runnable columnsOf(float[] x, float[] y, Workers workers) {
        float[] some = new float[outliers.length];
        float[] sums = new float[rows()];
        Runnable product = columns.token(some, sums, workers);
        return () -> {
            for (int i = 0; i < outliers.length; i++) {
                some[i] = x[outliers[i]];
            }
            product.run();
            Elementwise.add(y, 0, sums, 0, y, 0, sums.length);
        };
    }

    private void addColumns(float[] x, int xOffset, int tokens, float[] y, int yOffset, Workers workers) {
        int n = outliers.length;
        if (n == 0) {
            return;
        }
        float[] some = workers.scratch().floats(Scratch.OUTLIERS, tokens * n);
        for (int t = 0; t < tokens; t++) {
            for (int i = 0; i < n; i++) {
                some[t * n + i] = x[xOffset + t * cols() + outliers[i]];
            }
        }
        float[] product = workers.scratch().floats(Scratch.PRODUCT, Math.multiplyExact(tokens, rows()));
        columns.multiply(some, 0, tokens, product, 0, workers);
        Elementwise.add(y, yOffset, product, 0, y, yOffset, tokens * rows());
    }
}
