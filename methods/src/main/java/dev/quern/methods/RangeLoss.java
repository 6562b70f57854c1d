package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.QuantParams;

/// What one stored range loses of some inputs beside a range for each token: squared errors, each token's relative to
/// its own size, so that neither a few huge tokens nor the many others decide alone.
///
/// A range that has to hold a few massive activations leaves the other tokens no codes, one that cuts them off ruins
/// what all tokens attend to; either shows here. Gathered in parts and merged; one thread works on one.
final class RangeLoss {
    /// The most that a stored range may lose beside a range for each token.
    private static final double MOST = 8;

    private final ActivationScheme scheme;
    private final QuantParams range;
    private final ActivationScheme perToken;
    private double stored;
    private double own;

    RangeLoss(ActivationScheme scheme, QuantParams range) {
        this.scheme = scheme;
        this.range = range;
        this.perToken = ActivationScheme.dynamic(scheme.bits(), scheme.symmetric());
    }

    /// Adds inputs `x [tokens, size]`, those in the columns `exact` left out.
    void add(float[] x, int size, int[] exact) {
        float[] token = new float[size];
        for (int from = 0; from < x.length; from += size) {
            System.arraycopy(x, from, token, 0, size);
            for (int column : exact) {
                token[column] = 0;
            }
            double norm = squares(token);
            if (norm > 0 && norm < Double.POSITIVE_INFINITY) {
                stored += error(token, range) / norm;
                own += error(token, perToken.params(token, 0, size)) / norm;
            }
        }
    }

    void merge(RangeLoss other) {
        stored += other.stored;
        own += other.own;
    }

    /// True where the stored range will do.
    boolean serves() {
        return stored <= MOST * own;
    }

    private static double squares(float[] x) {
        double sum = 0;
        for (float value : x) {
            sum += (double) value * value;
        }
        return sum;
    }

    private double error(float[] x, QuantParams params) {
        double sum = 0;
        for (float value : x) {
            double gap = value - params.dequantize(params.quantize(value, scheme.qmax()));
            sum += gap * gap;
        }
        return sum;
    }
}
