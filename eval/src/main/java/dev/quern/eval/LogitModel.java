package dev.quern.eval;

import dev.quern.runtime.LogitVisitor;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;

/// A model as the measures see it: a window of tokens in, logits out. Windows do not know of each other.
public interface LogitModel {
    /// Length of a row of logits.
    int vocabSize();

    /// Shows the logits after each of `tokens[from …)`, in order.
    void logits(int[] tokens, int from, LogitVisitor visitor);

    /// The model run by our own kernels; for one thread.
    static LogitModel of(Model model) {
        Session session = new Session(model);
        return new LogitModel() {
            @Override
            public int vocabSize() {
                return model.vocabSize();
            }

            @Override
            public void logits(int[] tokens, int from, LogitVisitor visitor) {
                session.truncate(0);
                session.logits(tokens, from, visitor);
            }
        };
    }
}
