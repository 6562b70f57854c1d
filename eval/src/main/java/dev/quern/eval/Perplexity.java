package dev.quern.eval;

import dev.quern.core.NumericException;
import dev.quern.core.Progress;
import dev.quern.kernels.LogSumExp;
import java.util.List;

/// The exponential of the mean negative log-likelihood of each token given those before it in its window.
///
/// `standardError` is that of the perplexity (by the delta method, as llama.cpp prints it); `tokens` are those scored.
public record Perplexity(String protocol, double value, double standardError, long tokens, int windows) {
    /// Measures `model` on `tokens`, at most `maxWindows` windows of them (0 = all).
    public static Perplexity of(LogitModel model, int[] tokens, Windows windows, int maxWindows, Progress progress) {
        List<int[]> cut = windows.cut(tokens, maxWindows);
        Mean loss = new Mean();
        int done = 0;
        for (int[] window : cut) {
            model.logits(window, windows.firstScored(), (at, data, offset) -> {
                if (at + 1 < window.length) {
                    loss.add(loss(data, offset, model.vocabSize(), window[at + 1]));
                }
            });
            progress.at("perplexity", ++done, cut.size());
        }
        double value = Math.exp(loss.value());
        return new Perplexity(windows.protocol(), value, value * loss.standardError(), loss.count(), cut.size());
    }

    /// The negative log-likelihood of `target`, in nats.
    private static double loss(float[] data, int offset, int n, int target) {
        return finite(LogSumExp.of(data, offset, n) - data[offset + target]);
    }

    static double finite(double loss) {
        if (!Double.isFinite(loss)) {
            throw new NumericException("lm_head", "logits", "not finite; the weights are damaged or out of range");
        }
        return loss;
    }
}
