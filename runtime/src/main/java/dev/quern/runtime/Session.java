package dev.quern.runtime;

import dev.quern.core.NumericException;
import dev.quern.core.UsageException;
import dev.quern.models.Network;
import java.util.Arrays;

/// One sequence of tokens run through a model: what came before is in the KV cache.
///
/// Every call adds its tokens behind those already there; a call that throws leaves the sequence as it was. For one
/// thread.
public final class Session {
    /// Tokens that run through the network together: enough to use each unpacked weight many times.
    private static final int CHUNK = 256;

    private final Model model;
    private final KvCache cache;
    private final JavaOps ops;

    public Session(Model model) {
        this.model = model;
        this.cache = new KvCache(model.network().config());
        this.ops = new JavaOps(model, cache);
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

    /// Adds at least one token, 256 at a time; the logits `[vocabSize]` after the last.
    public float[] prefill(int[] tokens) {
        float[][] last = new float[1][];
        logits(
                tokens,
                tokens.length - 1,
                (_, row, offset) -> last[0] = Arrays.copyOfRange(row, offset, offset + model.vocabSize()));
        requireFinite(last[0]);
        return last[0];
    }

    /// Adds one token; the logits `[vocabSize]` after it.
    public float[] decode(int token) {
        return prefill(new int[] {token});
    }

    /// Adds tokens; the logits after each, `[tokens, vocabSize]`.
    public Rows logits(int[] tokens) {
        int size = model.vocabSize();
        Rows all = Rows.of(tokens.length, size);
        logits(tokens, 0, (at, row, offset) -> System.arraycopy(row, offset, all.data(), at * size, size));
        return all;
    }

    /// Adds tokens and shows the logits after each of `tokens[from …)`, in order; only one chunk's are in memory at a
    /// time.
    public void logits(int[] tokens, int from, LogitVisitor visitor) {
        if (tokens.length == 0) {
            throw new UsageException("no tokens to run: a model needs at least one; give it a text that is not empty");
        }
        int before = cache.length();
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
        int skip = Math.max(0, from - at);
        if (skip >= tokens.length) {
            return;
        }
        Rows logits = network.logits(ops, skip == 0 ? hidden : hidden.slice(skip, tokens.length));
        for (int row = 0; row < logits.rows(); row++) {
            visitor.visit(at + skip + row, logits.data(), row * logits.cols());
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
