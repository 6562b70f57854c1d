package dev.quern.eval;

import dev.quern.core.Progress;
import dev.quern.core.UsageException;
import java.util.Arrays;

/// How far a model's predictions are from a reference's on the same text, position by position.
///
/// `meanKl` is the mean of `KL(reference ‖ model) = Σ p · ln(p / q)` in nats; `top1Agreement` the share of positions
/// where both have the same likeliest token.
public record Divergence(
        double meanKl,
        double standardError,
        double medianKl,
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
        Sums sums = new Sums(model.vocabSize(), windows.size() - windows.firstScored(), cut.size());
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
        private final double[] all;
        private final Mean kl = new Mean();
        private final Mean loss = new Mean();
        private final Mean referenceLoss = new Mean();
        private long agreed;

        Sums(int vocabSize, int rows, int windows) {
            this.n = vocabSize;
            this.kept = new float[rows][vocabSize];
            this.all = new double[Math.multiplyExact(rows - 1, windows)];
        }

        void keep(int row, float[] data, int offset) {
            System.arraycopy(data, offset, kept[row], 0, n);
        }

        void add(int row, float[] q, int offset, int target) {
            float[] p = kept[row];
            double pSum = LogSoftmax.logSum(p, 0, n);
            double qSum = LogSoftmax.logSum(q, offset, n);
            double sum = 0;
            int pBest = 0;
            int qBest = 0;
            for (int i = 0; i < n; i++) {
                double logP = p[i] - pSum;
                sum += Math.exp(logP) * (logP - (q[offset + i] - qSum));
                pBest = p[i] > p[pBest] ? i : pBest;
                qBest = q[offset + i] > q[offset + qBest] ? i : qBest;
            }
            all[Math.toIntExact(kl.count())] = sum;
            kl.add(sum);
            agreed += pBest == qBest ? 1 : 0;
            referenceLoss.add(Perplexity.loss(p, 0, n, target));
            loss.add(Perplexity.loss(q, offset, n, target));
        }

        Divergence result(int windows) {
            Arrays.sort(all);
            double median = (all[(all.length - 1) / 2] + all[all.length / 2]) / 2;
            return new Divergence(
                    kl.value(),
                    kl.standardError(),
                    median,
                    all[all.length - 1],
                    (double) agreed / kl.count(),
                    Math.exp(loss.value()),
                    Math.exp(referenceLoss.value()),
                    kl.count(),
                    windows);
        }
    }
}
