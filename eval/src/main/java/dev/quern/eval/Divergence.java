package dev.quern.eval;

import dev.quern.core.Progress;
import dev.quern.core.UsageException;
import dev.quern.kernels.LogSumExp;

/// How far a model's predictions are from a reference's on the same text, position by position.
///
/// `meanKl` is the mean of `KL(reference ‖ model) = Σ p · ln(p / q)` in nats; `top1Agreement` the share of positions
/// where both have the same likeliest token. Quantiles are within 0.1 %. Perplexities are of the same positions.
public record Divergence(
        double meanKl,
        double standardError,
        double medianKl,
        double kl99,
        double kl999,
        double maxKl,
        double top1Agreement,
        double perplexity,
        double referencePerplexity,
        long tokens,
        int windows) {
    /// Runs both over the same windows side by side; the reference's logits of one window are held in memory.
    public static Divergence of(
            LogitModel model, LogitModel reference, int[] tokens, Windows windows, int maxWindows, Progress progress) {
        if (model.vocabSize() != reference.vocabSize()) {
            throw new UsageException("the model has " + model.vocabSize() + " tokens and the reference "
                    + reference.vocabSize() + ": only models of one vocabulary compare");
        }
        var cut = windows.cut(tokens, maxWindows);
        Sums sums = new Sums(model.vocabSize(), windows.size() - windows.firstScored());
        int done = 0;
        for (int[] window : cut) {
            int from = windows.firstScored();
            reference.logits(window, from, (at, data, offset) -> sums.keep(at - from, data, offset));
            model.logits(window, from, (at, data, offset) -> {
                if (at + 1 < window.length) {
                    sums.add(at - from, data, offset, window[at + 1]);
                }
            });
            progress.at("divergence", ++done, cut.size());
        }
        return sums.result(cut.size());
    }

    private static final class Sums {
        private final int n;
        private final float[][] kept;
        private final Mean kl = new Mean();
        private final Quantiles quantiles = new Quantiles();
        private final Mean loss = new Mean();
        private final Mean referenceLoss = new Mean();
        private double largest = Double.NEGATIVE_INFINITY;
        private long agreed;

        Sums(int vocabSize, int rows) {
            this.n = vocabSize;
            this.kept = new float[rows][vocabSize];
        }

        void keep(int row, float[] data, int offset) {
            System.arraycopy(data, offset, kept[row], 0, n);
        }

        void add(int row, float[] q, int offset, int target) {
            float[] p = kept[row];
            double pSum = LogSumExp.of(p, 0, n);
            double qSum = LogSumExp.of(q, offset, n);
            double sum = LogSumExp.divergence(p, 0, pSum, q, offset, qSum, n);
            // below 0 by rounding alone: no divergence is negative
            kl.add(Math.max(0, sum));
            quantiles.add(sum);
            largest = Math.max(largest, sum);
            agreed += best(p, 0) == best(q, offset) ? 1 : 0;
            referenceLoss.add(Perplexity.finite(pSum - p[target]));
            loss.add(Perplexity.finite(qSum - q[offset + target]));
        }

        private int best(float[] x, int offset) {
            int best = 0;
            for (int i = 1; i < n; i++) {
                best = x[offset + i] > x[offset + best] ? i : best;
            }
            return best;
        }

        Divergence result(int windows) {
            return new Divergence(
                    kl.value(),
                    kl.standardError(),
                    quantiles.at(0.5),
                    quantiles.at(0.99),
                    quantiles.at(0.999),
                    largest,
                    (double) agreed / kl.count(),
                    Math.exp(loss.value()),
                    Math.exp(referenceLoss.value()),
                    kl.count(),
                    windows);
        }
    }
}
