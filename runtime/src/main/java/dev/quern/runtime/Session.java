package dev.quern.runtime;

import dev.quern.core.NumericException;
import dev.quern.core.UsageException;
import dev.quern.models.Network;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// One sequence of tokens run through a model: what came before is in the KV cache.
///
/// Every call adds its tokens behind those already there; a call that throws leaves the sequence as it was. For one
/// thread.
public final class Session {
    /// Tokens that run through the network together: enough to use each unpacked weight many times.
    private static final int CHUNK = 256;

    /// Logits that are in memory at a time: 64 MiB.
    private static final int MAX_LOGITS = 1 << 24;

    private final Model model;
    private final KvCache cache;
    private final JavaOps ops;
    private final float[] last;
    private JavaOps.@Nullable Recording recorded;

    public Session(Model model) {
        this.model = model;
        this.cache = new KvCache(model.network().config(), model.kv());
        this.ops = new JavaOps(model, cache);
        this.last = new float[model.vocabSize()];
    }

    /// The model that this session runs.
    public Model model() {
        return model;
    }

    /// Tokens of the sequence so far.
    public int length() {
        return cache.length();
    }

    /// Bytes of the KV cache.
    public long cacheBytes() {
        return cache.bytes();
    }

    /// Forgets tokens from `length` on.
    public void truncate(int length) {
        cache.truncate(length);
    }

    /// Adds at least one token, 256 at a time; the logits `[vocabSize]` after the last. The array is the session's and
    /// holds them until the next call.
    public float[] prefill(int[] tokens) {
        logits(tokens, tokens.length - 1, (_, row, offset) -> System.arraycopy(row, offset, last, 0, last.length));
        requireFinite(last);
        return last;
    }

    /// Adds one token; the logits `[vocabSize]` after it, as `prefill`. Steady work allocates nothing where the model's
    /// kernels do not: the steps of the first token are those of all.
    public float[] decode(int token) {
        int before = cache.length();
        ops.expect(Math.addExact(before, 1));
        boolean done = false;
        try {
            float[] logits = step(token).data();
            done = true;
            requireFinite(logits);
            return logits;
        } finally {
            if (!done) {
                cache.truncate(before);
            }
        }
    }

    private Rows step(int token) {
        if (recorded != null) {
            return ops.again(recorded, token);
        }
        Network network = model.network();
        recorded = ops.record(() -> network.logits(ops, network.forward(ops, new int[] {token})));
        return recorded.result();
    }

    /// Adds tokens; the logits after each, `[tokens, vocabSize]`.
    public Rows logits(int[] tokens) {
        int size = model.vocabSize();
        Rows all = Rows.of(tokens.length, size);
        logits(tokens, 0, (at, row, offset) -> System.arraycopy(row, offset, all.data(), at * size, size));
        return all;
    }

    /// Adds tokens and shows the logits after each of `tokens[from …)`, in order; few are in memory at a time.
    public void logits(int[] tokens, int from, LogitVisitor visitor) {
        if (tokens.length == 0) {
            throw new UsageException("no tokens to run: a model needs at least one; give it a text that is not empty");
        }
        int before = cache.length();
        ops.expect(Math.addExact(before, tokens.length));
        boolean done = false;
        try {
            for (int at = 0; at < tokens.length; at += CHUNK) {
                chunk(Arrays.copyOfRange(tokens, at, Math.min(tokens.length, at + CHUNK)), at, from, visitor);
            }
            done = true;
        } finally {
            if (!done) {
                cache.truncate(before);
            }
        }
    }

    private void chunk(int[] tokens, int at, int from, LogitVisitor visitor) {
        Network network = model.network();
        Rows hidden = network.forward(ops, tokens);
        int step = Math.max(1, MAX_LOGITS / model.vocabSize());
        for (int row = Math.max(0, from - at); row < tokens.length; row += step) {
            int end = Math.min(tokens.length, row + step);
            Rows logits = network.logits(ops, hidden.slice(row, end));
            for (int i = row; i < end; i++) {
                visitor.visit(at + i, logits.data(), (i - row) * logits.cols());
            }
            ops.endOfBlock(hidden);
        }
    }

    private static void requireFinite(float[] logits) {
        for (float logit : logits) {
            if (!Float.isFinite(logit)) {
                throw new NumericException(
                        "lm_head",
                        "logits",
                        logit + " is not a finite number; the weights are" + " damaged or out of range");
            }
        }
    }
}
