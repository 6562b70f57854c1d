package dev.quern.eval;

import dev.quern.core.Progress;
import dev.quern.kernels.LogSumExp;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/// How often a model finds the right continuation the likeliest, scored as lm-eval does.
///
/// `acc` takes the largest sum of log-likelihoods, `accNorm` the largest after division by the choice's length in
/// characters (code points); the first on ties. Standard errors are those of a mean of `n` zeros and ones.
public record ChoiceScore(
        String task, double acc, double standardError, double accNorm, double standardErrorNorm, int n) {
    /// Scores `model`; `encode` turns text into tokens and adds no special ones, as lm-eval does unless told. Texts
    /// longer than `maxTokens` lose their beginning.
    public static ChoiceScore of(
            String task,
            LogitModel model,
            Function<String, int[]> encode,
            List<ChoiceQuestion> questions,
            int maxTokens,
            Progress progress) {
        int right = 0;
        int rightNorm = 0;
        int done = 0;
        for (ChoiceQuestion question : questions) {
            int count = question.choices().size();
            double[] sums = new double[count];
            double[] norms = new double[count];
            for (int c = 0; c < count; c++) {
                String choice = question.choices().get(c);
                sums[c] = Continuation.of(encode, question.context(), " " + choice, maxTokens)
                        .logLikelihood(model);
                norms[c] = sums[c] / choice.codePointCount(0, choice.length());
            }
            right += largest(sums) == question.label() ? 1 : 0;
            rightNorm += largest(norms) == question.label() ? 1 : 0;
            progress.at(task, ++done, questions.size());
        }
        int n = questions.size();
        double acc = (double) right / n;
        double accNorm = (double) rightNorm / n;
        return new ChoiceScore(task, acc, error(acc, n), accNorm, error(accNorm, n), n);
    }

    private static int largest(double[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    private static double error(double share, int n) {
        return n < 2 ? 0 : Math.sqrt(share * (1 - share) / (n - 1));
    }

    /// Tokens of which those from `from` on are scored.
    record Continuation(int[] tokens, int from) {
        /// Spaces at the context's end go over to the continuation; its tokens are those of the whole text behind as
        /// many as the context has alone.
        static Continuation of(Function<String, int[]> encode, String context, String continuation, int maxTokens) {
            String head = context.stripTrailing();
            int[] before = encode.apply(head);
            int[] whole = encode.apply(head + context.substring(head.length()) + continuation);
            int[] tokens = Arrays.copyOf(before, Math.max(before.length, whole.length));
            if (whole.length > before.length) {
                System.arraycopy(whole, before.length, tokens, before.length, whole.length - before.length);
            }
            int cut = Math.max(0, tokens.length - maxTokens - 1);
            return new Continuation(Arrays.copyOfRange(tokens, cut, tokens.length), Math.max(1, before.length - cut));
        }

        double logLikelihood(LogitModel model) {
            double[] sum = new double[1];
            int[] read = Arrays.copyOf(tokens, tokens.length - 1);
            if (from < tokens.length) {
                model.logits(read, from - 1, (at, data, offset) -> {
                    double all = LogSumExp.of(data, offset, model.vocabSize());
                    sum[0] += Perplexity.finite(data[offset + tokens[at + 1]] - all);
                });
            }
            return sum[0];
        }
    }
}
