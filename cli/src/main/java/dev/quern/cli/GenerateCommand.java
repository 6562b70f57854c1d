package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.UsageException;
import dev.quern.formats.Json;
import dev.quern.runtime.Generation;
import dev.quern.runtime.Generator;
import dev.quern.runtime.Session;
import dev.quern.text.Message;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern generate`: text from a model, as it comes.
@Command(
        name = "generate",
        sortOptions = false,
        showDefaultValues = true,
        header = "Lets a model write on, or chats with it.",
        description = {"Without -p the prompt is read from stdin; on a terminal that is a chat (end it with Ctrl-D)."},
        footer = {
            "",
            "Examples:",
            "  quern generate demo -p 'Once upon a time'",
            "  quern generate model.gguf --chat -p 'What is a quern?' --temperature 0.7",
            "  quern generate model.gguf"
        })
final class GenerateCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Mixin
    AdapterOption adapter = new AdapterOption();

    @Mixin
    KvOption kv = new KvOption();

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            description = "What the model goes on from.")
    @Nullable
    String prompt;

    @Option(
            names = {"-n", "--max-tokens"},
            paramLabel = "N",
            defaultValue = "128",
            description = "At most this many new tokens.")
    int maxTokens;

    @Option(names = "--chat", description = "The prompt is a message: apply the model's chat template.")
    boolean chat;

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message in front of the chat.")
    @Nullable
    String system;

    @Mixin
    Sampling sampling = new Sampling();

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            showDefaultValue = Visibility.NEVER,
            description = "End where this text comes up; may be repeated.")
    List<String> stop = new ArrayList<>();

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    GenerateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (system != null && prompt != null && !chat) {
            throw new UsageException("--system belongs to a chat: add --chat");
        }
        sampling.sampler();
        boolean interactive = prompt == null && console.inIsTerminal() && !common.json;
        if (prompt == null && !interactive && console.inIsTerminal()) {
            throw new UsageException("--json needs a prompt: give it with -p, or on stdin");
        }
        try (LoadedModel loaded = LoadedModel.open(model.resolve(), adapter.folder(), kv, threads.count())) {
            if (interactive) {
                new Chat(console, loaded, sampling, maxTokens, stop).run(system);
                return 0;
            }
            complete(loaded, prompt == null ? stdin() : prompt);
        }
        return 0;
    }

    private void complete(LoadedModel loaded, String text) {
        int[] tokens = chat
                ? ChatPrompt.of(loaded).tokens(messages(text))
                : loaded.tokenizer().encode(text);
        Generator.Limits limits = ChatPrompt.limits(loaded, tokens.length, maxTokens, stop);
        Generator generator = new Generator(new Session(loaded.model()), loaded.tokenizer());
        Generation made = generator.generate(tokens, sampling.sampler(), limits, piece -> {
            if (!common.json) {
                console.out().print(piece);
                console.out().flush();
            }
        });
        if (common.json) {
            JsonOut.print(console.out(), json(made));
            return;
        }
        console.out().println();
        if (console.errIsTerminal()) {
            console.err().println(speed(made));
        }
    }

    private List<Message> messages(String text) {
        List<Message> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new Message("system", system));
        }
        messages.add(new Message("user", text));
        return messages;
    }

    private String stdin() {
        try {
            return new String(console.in().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("stdin: cannot be read: " + e.getMessage(), e);
        }
    }

    private static ObjectNode json(Generation made) {
        return Json.object()
                .put("text", made.text())
                .put("prompt_tokens", made.promptTokens())
                .put("generated_tokens", made.generatedTokens())
                .put("prefill_tokens_per_second", made.prefillTokensPerSecond())
                .put("decode_tokens_per_second", made.decodeTokensPerSecond())
                .put("finish_reason", made.finishReason().name().toLowerCase(Locale.ROOT));
    }

    static String speed(Generation made) {
        return String.format(
                Locale.ROOT,
                "[%d tokens of prompt at %.0f/s, %d generated at %.1f/s]",
                made.promptTokens(),
                made.prefillTokensPerSecond(),
                made.generatedTokens(),
                made.decodeTokensPerSecond());
    }
}
