package dev.quern.runtime;

import dev.quern.core.UsageException;
import dev.quern.text.StreamDecoder;
import dev.quern.text.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/// The token loop: prompt in, text out piece by piece, until an end token, a stop string or enough tokens.
///
/// For one thread. The session and the tokenizer belong to the caller.
public final class Generator {
    /// When to stop. An end token counts as generated but is not part of the text.
    public record Limits(int maxTokens, Set<Integer> eosTokens, List<String> stopStrings) {
        public Limits {
            if (maxTokens < 1) {
                throw new UsageException("-n " + maxTokens + ": at least 1 token");
            }
            eosTokens = Set.copyOf(eosTokens);
            stopStrings = List.copyOf(stopStrings);
        }
    }

    private final Session session;
    private final Tokenizer tokenizer;

    public Generator(Session session, Tokenizer tokenizer) {
        this.session = session;
        this.tokenizer = tokenizer;
    }

    /// Adds `prompt` to the session's sequence and generates; `listener` gets each piece of text once it is certain.
    public Generation generate(int[] prompt, Sampler sampler, Limits limits, Consumer<String> listener) {
        StreamDecoder decoder = tokenizer.stream();
        StopStrings stops = new StopStrings(limits.stopStrings());
        StringBuilder text = new StringBuilder();
        int[] history = Arrays.copyOf(prompt, Math.addExact(prompt.length, limits.maxTokens()));
        int count = prompt.length;
        long began = System.nanoTime();
        float[] logits = session.prefill(prompt);
        long prefilled = System.nanoTime();
        FinishReason reason = FinishReason.LENGTH;
        int steps = 0;
        while (count < history.length) {
            int token = sampler.sample(logits, history, count);
            history[count++] = token;
            if (limits.eosTokens().contains(token)) {
                reason = FinishReason.STOP;
                break;
            }
            emit(stops.next(decoder.next(token)), text, listener);
            if (stops.hit()) {
                reason = FinishReason.STOP;
                break;
            }
            if (count < history.length) {
                logits = session.decode(token);
                steps++;
            }
        }
        if (!stops.hit()) {
            emit(stops.next(decoder.flush()), text, listener);
            emit(stops.flush(), text, listener);
        }
        long ended = System.nanoTime();
        return new Generation(
                text.toString(),
                prompt.length,
                count - prompt.length,
                steps,
                (prefilled - began) / 1e9,
                (ended - prefilled) / 1e9,
                stops.hit() ? FinishReason.STOP : reason);
    }

    private static void emit(String piece, StringBuilder text, Consumer<String> listener) {
        if (!piece.isEmpty()) {
            text.append(piece);
            listener.accept(piece);
        }
    }
}
