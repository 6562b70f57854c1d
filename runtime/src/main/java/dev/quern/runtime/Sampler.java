package dev.quern.runtime;

import java.util.Arrays;
import java.util.SplittableRandom;

/// Chooses the next token from logits, in llama.cpp's order: repeat penalty, top-k, top-p, min-p, temperature.
///
/// Equal options and logits give equal tokens. Ties go to the lower token number. For one thread.
public final class Sampler {
    /// Latest tokens that the repeat penalty looks at.
    private static final int REPEAT_WINDOW = 64;

    private final SamplerOptions options;
    private final SplittableRandom random;

    public Sampler(SamplerOptions options) {
        this.options = options;
        this.random = new SplittableRandom(options.seed());
    }

    /// The next token after the first `count` tokens of `history`. Leaves `logits` as they were.
    public int sample(float[] logits, int[] history, int count) {
        float[] x = penalized(logits, history, count);
        if (options.temperature() == 0) {
            return largest(x);
        }
        int k = options.topK() == 0 ? x.length : Math.min(options.topK(), x.length);
        // descending: the order of a key is the order of its logit, then the reverse order of its token
        long[] keys = k == x.length ? sorted(x) : topK(x, k);
        int kept = keys.length;
        if (options.topP() < 1) {
            kept = topP(x, keys);
        }
        if (options.minP() > 0) {
            kept = minP(x, keys, kept);
        }
        return draw(x, keys, kept);
    }

    /// The first of the largest.
    static int largest(float[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            if (x[i] > x[best]) {
                best = i;
            }
        }
        return best;
    }

    private float[] penalized(float[] logits, int[] history, int count) {
        if (options.repeatPenalty() == 1) {
            return logits;
        }
        float[] x = logits.clone();
        float penalty = (float) options.repeatPenalty();
        for (int i = Math.max(0, count - REPEAT_WINDOW); i < count; i++) {
            int token = history[i];
            // from the untouched logits, so that a token seen twice is penalized once
            x[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
        }
        return x;
    }

    private static long key(float logit, int token) {
        // adding 0 makes -0 equal to 0
        int bits = Float.floatToIntBits(logit + 0f);
        int ordered = bits ^ ((bits >> 31) & 0x7fffffff);
        return (long) ordered << 32 | (Integer.MAX_VALUE - token);
    }

    private static int token(long key) {
        return Integer.MAX_VALUE - (int) key;
    }

    private static long[] sorted(float[] x) {
        long[] keys = new long[x.length];
        for (int i = 0; i < x.length; i++) {
            keys[i] = key(x[i], i);
        }
        Arrays.sort(keys);
        return reversed(keys);
    }

    private static long[] topK(float[] x, int k) {
        long[] best = new long[k];
        Arrays.fill(best, Long.MIN_VALUE);
        for (int i = 0; i < x.length; i++) {
            long key = key(x[i], i);
            if (key > best[0]) {
                int at = -Arrays.binarySearch(best, key) - 1;
                System.arraycopy(best, 1, best, 0, at - 1);
                best[at - 1] = key;
            }
        }
        return reversed(best);
    }

    private static long[] reversed(long[] keys) {
        for (int i = 0, j = keys.length - 1; i < j; i++, j--) {
            long key = keys[i];
            keys[i] = keys[j];
            keys[j] = key;
        }
        return keys;
    }

    /// How many of the likeliest reach the mass `topP`.
    private int topP(float[] x, long[] keys) {
        float max = x[token(keys[0])];
        double total = 0;
        for (long key : keys) {
            total += Math.exp(x[token(key)] - max);
        }
        double mass = 0;
        for (int i = 0; i < keys.length; i++) {
            mass += Math.exp(x[token(keys[i])] - max);
            if (mass >= options.topP() * total) {
                return i + 1;
            }
        }
        return keys.length;
    }

    /// How many are at least `minP` times as likely as the likeliest.
    private int minP(float[] x, long[] keys, int kept) {
        double floor = x[token(keys[0])] + Math.log(options.minP());
        int n = 1;
        while (n < kept && x[token(keys[n])] >= floor) {
            n++;
        }
        return n;
    }

    private int draw(float[] x, long[] keys, int kept) {
        float max = x[token(keys[0])];
        double[] sums = new double[kept];
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            sum += Math.exp((x[token(keys[i])] - max) / options.temperature());
            sums[i] = sum;
        }
        double wanted = random.nextDouble() * sum;
        for (int i = 0; i < kept; i++) {
            if (wanted < sums[i]) {
                return token(keys[i]);
            }
        }
        return token(keys[kept - 1]);
    }
}
