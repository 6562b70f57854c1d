package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RotaryPairsTest {
    private static final int Q = 4;
    private static final int KV = 2;
    private static final int D = 8;
    private static final int IN = 6;

    @Test
    void scoresStayAtAnyPositionsAndForSharedKeys() {
        Random random = new Random(1);
        double[] magnitude = random.doubles(KV * D / 2, -1, 1).toArray();
        double[] phase = random.doubles(KV * D / 2, -3, 3).toArray();
        assertThat(drift(magnitude, phase, magnitude)).isLessThan(1e-12);
    }

    @Test
    void magnitudesThatDifferWithinAPairDoNotCommute() {
        Random random = new Random(1);
        double[] magnitude = random.doubles(KV * D / 2, -1, 1).toArray();
        double[] untied = random.doubles(KV * D / 2, -1, 1).toArray();
        assertThat(drift(magnitude, new double[magnitude.length], untied)).isGreaterThan(0.01);
    }

    /// The largest change of any score. Untied: the second half of each pair has a magnitude of its own.
    private static double drift(double[] magnitude, double[] phase, double[] second) {
        RotaryPairs pairs = new RotaryPairs(Q, KV, D);
        return TorchScope.call(() -> {
            TorchTensor r = TorchTensor.of(magnitude, KV, D / 2);
            TorchTensor phi = TorchTensor.of(phase, KV, D / 2);
            double[] q = values(2, Q * D * IN);
            double[] k = values(3, KV * D * IN);
            double[] q2 = pairs.queries(TorchTensor.of(q, Q * D, IN), r, phi).toDoubles();
            double[] k2 = pairs.keys(TorchTensor.of(k, KV * D, IN), r, phi).toDoubles();
            if (second != magnitude) {
                untie(q2, Q, magnitude, second, -1);
                untie(k2, KV, magnitude, second, 1);
            }
            double[] x = values(4, IN);
            double[] y = values(5, IN);
            double largest = 0;
            for (int head = 0; head < Q; head++) {
                for (int position : new int[] {0, 1, 17, 4099, 100_000}) {
                    int kv = head / (Q / KV);
                    double before = score(q, k, x, y, head, kv, position);
                    double after = score(q2, k2, x, y, head, kv, position);
                    largest = Math.max(largest, Math.abs(before - after) / Math.max(1, Math.abs(before)));
                }
            }
            return largest;
        });
    }

    private static void untie(double[] rows, int heads, double[] first, double[] second, int sign) {
        for (int head = 0; head < heads; head++) {
            int kv = head / (heads / KV);
            for (int i = 0; i < D / 2; i++) {
                double factor = Math.exp(sign * (second[kv * D / 2 + i] - first[kv * D / 2 + i]));
                for (int j = 0; j < IN; j++) {
                    rows[(head * D + D / 2 + i) * IN + j] *= factor;
                }
            }
        }
    }

    private static double score(double[] q, double[] k, double[] x, double[] y, int head, int kv, int position) {
        double[] query = rotated(q, head, x, position);
        double[] key = rotated(k, kv, y, 3);
        double sum = 0;
        for (int i = 0; i < D; i++) {
            sum += query[i] * key[i];
        }
        return sum;
    }

    private static double[] rotated(double[] rows, int head, double[] x, int position) {
        double[] vector = new double[D];
        for (int i = 0; i < D; i++) {
            for (int j = 0; j < IN; j++) {
                vector[i] += rows[(head * D + i) * IN + j] * x[j];
            }
        }
        double[] turned = new double[D];
        for (int i = 0; i < D / 2; i++) {
            double angle = position * Math.pow(10_000, -2.0 * i / D);
            turned[i] = vector[i] * Math.cos(angle) - vector[i + D / 2] * Math.sin(angle);
            turned[i + D / 2] = vector[i + D / 2] * Math.cos(angle) + vector[i] * Math.sin(angle);
        }
        return turned;
    }

    private static double[] values(long seed, int count) {
        Random random = new Random(seed);
        return random.doubles(count, -1, 1).toArray();
    }
}
