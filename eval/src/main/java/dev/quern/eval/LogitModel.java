package dev.quern.eval;

import dev.quern.runtime.LogitVisitor;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import java.util.Arrays;

/// A model as the measures see it: a window of tokens in, logits out. Windows do not know of each other.
public interface LogitModel {
    /// Length of a row of logits.
    int vocabSize();

    /// Shows the logits after each of `tokens[from …)`, in order.
    void logits(int[] tokens, int from, LogitVisitor visitor);

    /// The model run by our own kernels; for one thread. A beginning that a window shares with the one before, up to
    /// `from`, stays in the KV cache.
    static LogitModel of(Model model) {
        Session session = new Session(model);
        int settled = model.network().config().maxPositions();
        return new LogitModel() {
            private int[] held = new int[0];

            @Override
            public int vocabSize() {
                return model.vocabSize();
            }

            @Override
            public void logits(int[] tokens, int from, LogitVisitor visitor) {
                int shared = shared(tokens, from);
                session.truncate(shared);
                held = tokens.clone();
                int[] rest = Arrays.copyOfRange(tokens, shared, tokens.length);
                session.logits(rest, from - shared, (at, data, offset) -> visitor.visit(at + shared, data, offset));
            }

            private int shared(int[] tokens, int from) {
                // past the trained length, keys may depend on the length of the text that they were made for
                if (Math.max(tokens.length, session.length()) > settled) {
                    return 0;
                }
                int most = Math.min(Math.min(from, tokens.length - 1), session.length());
                int first = Arrays.mismatch(tokens, 0, most, held, 0, Math.min(most, held.length));
                return first < 0 ? most : first;
            }
        };
    }
}
