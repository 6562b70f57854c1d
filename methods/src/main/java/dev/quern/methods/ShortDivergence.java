package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import dev.quern.models.Checkpoint;
import dev.quern.models.Network;
import dev.quern.text.Tokenizer;
import dev.quern.torch.Torch;
import dev.quern.torch.TorchModel;
import dev.quern.torch.TorchScope;
import dev.quern.torch.TorchTensor;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/// How far a written model's predictions are from its source's on a few lines of text: enough to tell a model from
/// rubble, in seconds. `eval --task kl` measures properly.
///
/// `mean` is the mean of `KL(source ‖ model)` in nats over `tokens` positions, `guess` what it would be if the model
/// knew nothing (all tokens equally likely). Both models run from their files, block by block, so that memory does
/// not grow with depth.
public record ShortDivergence(double mean, double guess, int tokens) {
    private static final int TOKENS = 64;

    /// Rows of the head that are floats at a time.
    private static final int STRIP = 4096;

    private static final String TEXT = """
            In the morning the baker opened the shop, set the warm bread in the window and waited for the first guests. \
            It rained, and the street was empty but for a dog. At eight o'clock the teacher came in, shook her umbrella \
            and asked for two rolls and the newspaper. "There will be snow by Friday," she said, and he nodded, because \
            she was usually right about such things.""";

    /// Compares `model` with `source`, of which it was made.
    public static ShortDivergence of(Checkpoint model, Checkpoint source, Progress progress) {
        int vocab = source.network().config().vocabSize();
        if (model.network().config().vocabSize() != vocab) {
            throw new QuernException(model.path() + ": has "
                    + model.network().config().vocabSize() + " tokens and " + source.path() + " " + vocab
                    + ": only models of one vocabulary compare");
        }
        int[] tokens = tokens(source, vocab);
        progress.at("comparing with the source: running it", 0, 2);
        float[] wanted = logits(source, tokens);
        progress.at("comparing with the source: running the result", 1, 2);
        return of(wanted, logits(model, tokens), vocab);
    }

    /// The text's beginning, or seeded tokens where there is no tokenizer.
    private static int[] tokens(Checkpoint source, int vocab) {
        try (Tokenizer tokenizer = source.tokenizer()) {
            int[] tokens = tokenizer.encode(TEXT);
            return Arrays.copyOf(tokens, Math.min(tokens.length, TOKENS));
        } catch (QuernException e) {
            return new Random(0).ints(TOKENS, 0, vocab).toArray();
        }
    }

    static ShortDivergence of(float[] source, float[] model, int vocab) {
        int tokens = source.length / vocab;
        double mean = 0;
        double guess = 0;
        for (int t = 0; t < tokens; t++) {
            double[] p = logProbabilities(source, t * vocab, vocab);
            double[] q = logProbabilities(model, t * vocab, vocab);
            for (int i = 0; i < vocab; i++) {
                double weight = Math.exp(p[i]);
                mean += weight > 0 ? weight * (p[i] - q[i]) : 0;
                guess += weight > 0 ? weight * (p[i] + Math.log(vocab)) : 0;
            }
        }
        return new ShortDivergence(Math.max(0, mean / tokens), guess / tokens, tokens);
    }

    private static double[] logProbabilities(float[] logits, int from, int n) {
        double most = Double.NEGATIVE_INFINITY;
        for (int i = from; i < from + n; i++) {
            // NaN wins, and ends in a mean that is none
            most = Math.max(most, logits[i]);
        }
        double sum = 0;
        for (int i = from; i < from + n; i++) {
            sum += Math.exp(logits[i] - most);
        }
        double norm = most + Math.log(sum);
        double[] result = new double[n];
        for (int i = 0; i < n; i++) {
            result[i] = logits[from + i] - norm;
        }
        return result;
    }

    private static float[] logits(Checkpoint checkpoint, int[] tokens) {
        Network network = checkpoint.network();
        float[] hidden;
        try (TorchModel model = TorchModel.streaming(network, checkpoint.weights())) {
            hidden = model.hiddenStates(tokens).getLast();
        }
        PackedWeight head = checkpoint.weights().weight(network.head().weightName());
        int size = head.cols();
        int vocab = head.rows();
        float[] logits = new float[Math.multiplyExact(tokens.length, vocab)];
        for (int from = 0; from < vocab; from += STRIP) {
            int rows = Math.min(STRIP, vocab - from);
            float[] strip = new float[rows * size];
            for (int r = 0; r < rows; r++) {
                head.unpackRow(from + r, strip, r * size);
            }
            float[] product = TorchScope.call(() -> Torch.noGrad(() -> TorchTensor.of(hidden, tokens.length, size)
                    .matmul(TorchTensor.of(strip, rows, size).transpose())
                    .toFloats()));
            for (int t = 0; t < tokens.length; t++) {
                System.arraycopy(product, t * rows, logits, t * vocab + from, rows);
            }
        }
        Mapped.release(head);
        return logits;
    }

    /// True where the model knows more than a guess does.
    public boolean sound() {
        return mean < guess;
    }

    /// For a person.
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "%.4f nats from the source over %d tokens (a guess: %.2f)", mean, tokens, guess);
    }

    /// What `problem` says where it is not sound.
    public String problem() {
        return String.format(
                Locale.ROOT,
                "its predictions are %.2f nats from the source's over %d tokens, no nearer than a guess (%.2f): use more bits,"
                        + " smaller groups or a method that calibrates",
                mean,
                tokens,
                guess);
    }

    /// Puts the fields into `json`: `kl`, `kl_of_a_guess`, `kl_tokens`.
    public void addTo(ObjectNode json) {
        json.put("kl", mean).put("kl_of_a_guess", guess).put("kl_tokens", tokens);
    }
}
