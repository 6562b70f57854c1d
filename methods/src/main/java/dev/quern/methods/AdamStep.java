package dev.quern.methods;

import java.util.ArrayList;
import java.util.List;

/// Adam (arXiv:1412.6980) on `Learned` numbers in float64, without weight decay.
final class AdamStep {
    private static final double EPS = 1e-8;

    private final List<Learned> learned;
    private final double beta1;
    private final double beta2;
    private final List<double[]> means = new ArrayList<>();
    private final List<double[]> squares = new ArrayList<>();
    private int steps;

    AdamStep(List<Learned> learned, double beta1, double beta2) {
        this.learned = learned;
        this.beta1 = beta1;
        this.beta2 = beta2;
        for (Learned one : learned) {
            means.add(new double[one.values().length]);
            squares.add(new double[one.values().length]);
        }
    }

    /// The learning rate of a part.
    interface Rates {
        double of(Learned.Part part);
    }

    /// One step along `gradients`, in the order of what is learned.
    void step(List<double[]> gradients, Rates rates) {
        steps++;
        double meanCorrection = 1 - Math.pow(beta1, steps);
        double squareCorrection = 1 - Math.pow(beta2, steps);
        for (int p = 0; p < learned.size(); p++) {
            double rate = rates.of(learned.get(p).part()) / meanCorrection;
            double[] values = learned.get(p).values();
            double[] gradient = gradients.get(p);
            double[] mean = means.get(p);
            double[] square = squares.get(p);
            for (int i = 0; i < values.length; i++) {
                double g = gradient[i];
                mean[i] = beta1 * mean[i] + (1 - beta1) * g;
                square[i] = beta2 * square[i] + (1 - beta2) * g * g;
                values[i] -= rate * mean[i] / (Math.sqrt(square[i] / squareCorrection) + EPS);
            }
        }
    }

    /// Scales gradients in place so that the norm of all together is at most `limit`; returns the norm before, which is
    /// not finite where a gradient is not.
    static double clip(List<double[]> gradients, double limit) {
        double sum = 0;
        for (double[] gradient : gradients) {
            for (double g : gradient) {
                sum += g * g;
            }
        }
        double norm = Math.sqrt(sum);
        if (limit > 0 && norm > limit) {
            double factor = limit / norm;
            for (double[] gradient : gradients) {
                for (int i = 0; i < gradient.length; i++) {
                    gradient[i] *= factor;
                }
            }
        }
        return norm;
    }
}
