package dev.quern.cli;

import dev.quern.runtime.Generation;
import dev.quern.runtime.Generator;
import dev.quern.runtime.Sampler;
import dev.quern.runtime.Session;
import dev.quern.text.Message;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A chat on the terminal: a line in, an answer out, until the end of the input.
///
/// What the model has already read stays in its cache; only new tokens run. When the context is full, the oldest turns
/// are forgotten.
final class Chat {
    private final Console console;
    private final LoadedModel loaded;
    private final Sampler sampler;
    private final int maxTokens;
    private final List<String> stop;
    private final Session session;
    private final ChatPrompt prompt;
    private final List<Message> messages = new ArrayList<>();
    private int[] read = {};

    Chat(Console console, LoadedModel loaded, Sampling sampling, int maxTokens, List<String> stop) {
        this.console = console;
        this.loaded = loaded;
        this.sampler = sampling.sampler();
        this.maxTokens = maxTokens;
        this.stop = stop;
        this.session = new Session(loaded.model());
        this.prompt = ChatPrompt.of(loaded);
    }

    void run(@Nullable String system) {
        if (system != null) {
            messages.add(new Message("system", system));
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8));
        try {
            while (true) {
                console.out().print("> ");
                console.out().flush();
                String line = lines.readLine();
                if (line == null) {
                    console.out().println();
                    return;
                }
                if (!line.isBlank()) {
                    answer(line);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("stdin: cannot be read: " + e.getMessage(), e);
        }
    }

    private void answer(String line) {
        messages.add(new Message("user", line));
        int[] tokens = fitting();
        int known = Math.min(
                Arrays.mismatch(read, tokens) < 0 ? read.length : Arrays.mismatch(read, tokens), tokens.length - 1);
        session.truncate(known);
        Generator.Limits limits = ChatPrompt.limits(loaded, tokens.length, maxTokens, stop);
        Generation made = new Generator(session, loaded.tokenizer())
                .generate(Arrays.copyOfRange(tokens, known, tokens.length), sampler, limits, piece -> {
                    console.out().print(piece);
                    console.out().flush();
                });
        read = tokens;
        messages.add(new Message("assistant", made.text()));
        console.out().println();
    }

    /// The chat as tokens, without its oldest turns where it would not leave room for an answer.
    private int[] fitting() {
        int context = loaded.model().network().config().maxPositions();
        int[] tokens = prompt.tokens(messages);
        while (tokens.length + maxTokens > context && messages.size() > 2) {
            int oldest = messages.getFirst().role().equals("system") ? 1 : 0;
            if (messages.size() - oldest < 3) {
                break;
            }
            messages.subList(oldest, oldest + 2).clear();
            tokens = prompt.tokens(messages);
        }
        return tokens;
    }
}
