package dev.quern.methods;

import java.util.Random;
import java.util.stream.IntStream;

/// Matrices from seeds.
final class Seeded {
    /// Runs tasks on many threads and in odd order, as the worst of crews would.
    static final Parallel SCATTERED = (tasks, body) ->
            IntStream.range(0, tasks).parallel().map(i -> tasks - 1 - i).forEach(body::accept);

    private Seeded() {}

    static float[] floats(int count, double spread, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (spread * random.nextGaussian());
        }
        return values;
    }

    /// Inputs whose columns hang together and differ in size, as those of a real Linear do: `[tokens, size]`.
    static float[] inputs(int tokens, int size, long seed) {
        Random random = new Random(seed);
        int factors = Math.max(1, size / 4);
        double[] mix = random.doubles(factors * (long) size, -1, 1).toArray();
        double[] gain = random.doubles(size, -1.5, 1.5).map(Math::exp).toArray();
        float[] x = new float[tokens * size];
        for (int t = 0; t < tokens; t++) {
            double[] hidden = random.doubles(factors, -1, 1).toArray();
            for (int i = 0; i < size; i++) {
                double sum = 0.3 * random.nextGaussian();
                for (int f = 0; f < factors; f++) {
                    sum += hidden[f] * mix[f * size + i];
                }
                x[t * size + i] = (float) (gain[i] * sum);
            }
        }
        return x;
    }

    static Hessian hessian(int size, long seed) {
        int tokens = 4 * size;
        HessianSum sum = new HessianSum(size, false, Parallel.SERIAL);
        sum.add(inputs(tokens, size, seed), null, tokens);
        return sum.finish();
    }

    /// With the drift that noise of `spread` on the inputs makes.
    static Hessian drifted(int size, double spread, long seed) {
        int tokens = 4 * size;
        float[] exact = inputs(tokens, size, seed);
        float[] x = exact.clone();
        float[] noise = floats(x.length, spread, seed + 1);
        for (int i = 0; i < x.length; i++) {
            x[i] = 0.9f * x[i] + noise[i];
        }
        HessianSum sum = new HessianSum(size, true, Parallel.SERIAL);
        sum.add(x, exact, tokens);
        return sum.finish();
    }

    static LinearTask task(int rows, int cols, Hessian hessian, long seed) {
        return task(rows, cols, floats(rows * cols, 0.05, seed), hessian, Parallel.SERIAL);
    }

    static LinearTask task(int rows, int cols, float[] weight, Hessian hessian, Parallel parallel) {
        return new LinearTask("layer", rows, cols, weight, hessian, null, parallel, new Phases(), 0);
    }

    /// `tr(ΔW·H·ΔWᵀ)`, the plain way.
    static double loss(float[] exact, float[] other, double[] h, int cols) {
        double sum = 0;
        for (int at = 0; at < exact.length; at += cols) {
            for (int i = 0; i < cols; i++) {
                for (int j = 0; j < cols; j++) {
                    double a = (double) exact[at + i] - other[at + i];
                    double b = (double) exact[at + j] - other[at + j];
                    sum += a * h[i * cols + j] * b;
                }
            }
        }
        return sum;
    }
}
