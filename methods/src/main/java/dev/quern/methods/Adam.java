package dev.quern.methods;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/// Adam (arXiv:1412.6980) on a few small arrays, each with a rate of its own; float64 moments.
final class Adam {
    private static final double MEAN = 0.9;
    private static final double SQUARE = 0.95;

    private final List<float[]> parameters;
    private final double[][] means;
    private final double[][] squares;
    private int steps;

    Adam(List<float[]> parameters) {
        this.parameters = parameters;
        this.means = new double[parameters.size()][];
        this.squares = new double[parameters.size()][];
        for (int i = 0; i < means.length; i++) {
            means[i] = new double[parameters.get(i).length];
            squares[i] = new double[parameters.get(i).length];
        }
    }

    /// The means of gradients, then of their squares, by parameter; the arrays themselves.
    List<double[]> moments() {
        return Stream.concat(Arrays.stream(means), Arrays.stream(squares)).toList();
    }

    int steps() {
        return steps;
    }

    /// Goes on behind `steps` steps that left the moments as they are now.
    void goOn(int steps) {
        this.steps = steps;
    }

    /// One step along `gradients`; `rates` by parameter.
    void step(List<double[]> gradients, double[] rates) {
        steps++;
        double meanCorrection = 1 - Math.pow(MEAN, steps);
        double squareCorrection = 1 - Math.pow(SQUARE, steps);
        for (int i = 0; i < means.length; i++) {
            float[] parameter = parameters.get(i);
            double[] gradient = gradients.get(i);
            for (int k = 0; k < parameter.length; k++) {
                means[i][k] = MEAN * means[i][k] + (1 - MEAN) * gradient[k];
                squares[i][k] = SQUARE * squares[i][k] + (1 - SQUARE) * gradient[k] * gradient[k];
                double root = Math.sqrt(squares[i][k] / squareCorrection);
                if (root > 0) {
                    parameter[k] -= (float) (rates[i] * means[i][k] / meanCorrection / root);
                }
            }
        }
    }
}
