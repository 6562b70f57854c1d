package dev.quern.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.quern.models.Activation;
import dev.quern.models.Attention;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.models.Role;
import dev.quern.models.Rope;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Each operation against a plain loop in double.
@ExtendWith(NoLeaks.class)
class TorchOpsTest {
    private static final int TOKENS = 7;

    @Test
    void normsDivideByTheRootMeanSquare() {
        float[] x = random(1, TOKENS * 8);
        float[] w = random(2, 4);
        Norm norm = new Norm(0, "norm", 4, 1e-5f, 1);
        double[] expected = new double[x.length];
        for (int at = 0; at < x.length; at += 4) {
            double squares = 0;
            for (int i = 0; i < 4; i++) {
                squares += (double) x[at + i] * x[at + i];
            }
            for (int i = 0; i < 4; i++) {
                expected[at + i] = x[at + i] / Math.sqrt(squares / 4 + 1e-5) * (w[i] + 1.0);
            }
        }
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(TorchWeights.named(Map.of("norm", TorchTensor.of(w, 4))));
            assertThat(ops.rmsNorm(norm, TorchTensor.of(x, 2 * TOKENS, 4)).toDoubles())
                    .containsExactly(expected, within(1e-5));
            TorchTensor heads = ops.headNorm(norm, TorchTensor.of(x, TOKENS, 8), 2);
            assertThat(heads.shape()).containsExactly(TOKENS, 8);
            assertThat(heads.toDoubles()).containsExactly(expected, within(1e-5));
        });
    }

    @Test
    void ropeTurnsThePairsOfEachHead() {
        Rope rope = new Rope(4, new double[] {1, 0.01}, 1.5f);
        float[] x = random(3, TOKENS * 8);
        double[] expected = new double[x.length];
        for (int token = 0; token < TOKENS; token++) {
            for (int head = 0; head < 2; head++) {
                for (int i = 0; i < 2; i++) {
                    int at = token * 8 + head * 4 + i;
                    double angle = token * rope.frequencies()[i];
                    expected[at] = 1.5 * (x[at] * Math.cos(angle) - x[at + 2] * Math.sin(angle));
                    expected[at + 2] = 1.5 * (x[at + 2] * Math.cos(angle) + x[at] * Math.sin(angle));
                }
            }
        }
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(TorchWeights.named(Map.of()));
            ops.rope(rope, TorchTensor.of(x, 2 * TOKENS, 4), 1); // a longer table must not disturb a shorter one
            assertThat(ops.rope(rope, TorchTensor.of(x, TOKENS, 8), 2).toDoubles())
                    .containsExactly(expected, within(1e-5));
        });
    }

    @Test
    void attentionIsCausalGroupedAndWindowed() {
        for (int window : new int[] {0, 1, 3, TOKENS, 100}) {
            Attention attention = new Attention(0, 4, 2, 4, 0.37f, window);
            float[] q = random(4, TOKENS * 16);
            float[] k = random(5, TOKENS * 8);
            float[] v = random(6, TOKENS * 8);
            double[] expected = attend(attention, q, k, v);
            TorchScope.run(() -> {
                TorchOps ops = new TorchOps(TorchWeights.named(Map.of()));
                TorchTensor result = ops.attend(
                        attention,
                        TorchTensor.of(q, TOKENS, 16),
                        TorchTensor.of(k, TOKENS, 8),
                        TorchTensor.of(v, TOKENS, 8));
                assertThat(result.shape()).containsExactly(TOKENS, 16);
                assertThat(result.toDoubles()).as("window %d", window).containsExactly(expected, within(1e-5));
            });
        }
    }

    @Test
    void gatesAndEmbeddingsAreThoseOfTheFormulas() {
        TorchScope.run(() -> {
            TorchOps ops = new TorchOps(TorchWeights.named(Map.of("table", TorchTensor.of(random(7, 12), 3, 4))));
            TorchTensor gate = TorchTensor.of(new float[] {-1, 0.5f}, 1, 2);
            TorchTensor up = TorchTensor.of(new float[] {2, 3}, 1, 2);
            double silu = -1 / (1 + Math.exp(1));
            assertThat(ops.gate(Activation.SILU, gate, up).toDoubles()[0]).isCloseTo(2 * silu, within(1e-6));
            double gelu = 0.25 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (0.5 + 0.044715 * 0.125)));
            assertThat(ops.gate(Activation.GELU_TANH, gate, up).toDoubles()[1]).isCloseTo(3 * gelu, within(1e-6));
            float[] rows =
                    ops.embed(new Embedding("table", 3, 4, 2), new int[] {2, 0}).toFloats();
            assertThat(rows[0]).isEqualTo(2 * random(7, 12)[8]);
            assertThat(rows[4]).isEqualTo(2 * random(7, 12)[0]);
        });
    }

    @Test
    void gradientsThroughAttentionAgreeWithFiniteDifferences() {
        Attention attention = new Attention(0, 2, 1, 4, 0.5f, 3);
        Rope rope = new Rope(4, new double[] {1, 0.1}, 1);
        Linear linear = new Linear(0, 0, Role.Q, "q", 8, 8, false);
        float[] w = random(8, 64);
        TorchScope.run(() -> {
            TorchTensor weight = TorchTensor.of(w, 8, 8).requireGrad();
            loss(attention, rope, linear, weight).backward();
            float[] gradient = weight.grad().orElseThrow().toFloats();
            for (int i = 0; i < 64; i += 7) {
                float[] up = w.clone();
                float[] down = w.clone();
                up[i] += 1e-2f;
                down[i] -= 1e-2f;
                double slope =
                        (loss(attention, rope, linear, TorchTensor.of(up, 8, 8)).item()
                                        - loss(attention, rope, linear, TorchTensor.of(down, 8, 8))
                                                .item())
                                / 2e-2;
                assertThat((double) gradient[i]).isCloseTo(slope, within(2e-3 + 0.02 * Math.abs(slope)));
            }
        });
    }

    private static TorchTensor loss(Attention attention, Rope rope, Linear linear, TorchTensor weight) {
        TorchOps ops = new TorchOps(TorchWeights.named(Map.of()).withLinears(_ -> weight));
        TorchTensor x = TorchTensor.of(random(9, TOKENS * 8), TOKENS, 8);
        TorchTensor k = TorchTensor.of(random(10, TOKENS * 4), TOKENS, 4);
        TorchTensor q = ops.rope(rope, ops.linear(linear, x), 2);
        return ops.attend(attention, q, ops.rope(rope, k, 1), k).square().sum();
    }

    private static double[] attend(Attention attention, float[] q, float[] k, float[] v) {
        int dim = attention.headDim();
        int group = attention.nHeads() / attention.nKvHeads();
        double[] result = new double[q.length];
        for (int token = 0; token < TOKENS; token++) {
            int first = attention.window() == 0 ? 0 : Math.max(0, token - attention.window() + 1);
            for (int head = 0; head < attention.nHeads(); head++) {
                double total = 0;
                for (int from = first; from <= token; from++) {
                    double score = 0;
                    int at = (from * attention.nKvHeads() + head / group) * dim;
                    for (int i = 0; i < dim; i++) {
                        score += (double) q[(token * attention.nHeads() + head) * dim + i] * k[at + i];
                    }
                    double weight = Math.exp(score * attention.scale());
                    total += weight;
                    for (int i = 0; i < dim; i++) {
                        result[(token * attention.nHeads() + head) * dim + i] += weight * v[at + i];
                    }
                }
                for (int i = 0; i < dim; i++) {
                    result[(token * attention.nHeads() + head) * dim + i] /= total;
                }
            }
        }
        return result;
    }

    private static float[] random(int seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
