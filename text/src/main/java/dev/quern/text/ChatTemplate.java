package dev.quern.text;

import dev.quern.core.QuernException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model's own recipe for writing a chat as one text. Where it fails, it fails: no other template steps in.
///
/// Templates are programs from whoever published the model: they see messages, special tokens and the date, nothing of
/// the machine, and are stopped when they use too much. Parsing happens at the first rendering, so that a broken
/// template harms nobody who does not chat. For several threads.
public final class ChatTemplate {
    private final TemplateSource source;
    private final Map<String, Object> specialTokens;

    private ChatTemplate(TemplateSource source, Map<String, Object> specialTokens) {
        this.source = source;
        this.specialTokens = Map.copyOf(specialTokens);
    }

    /// The template of `chat_template.jinja`, `chat_template.json` or `tokenizer_config.json`; empty where there is
    /// none.
    public static Optional<ChatTemplate> ofDirectory(Path directory) {
        return TemplateSource.ofDirectory(directory).map(source -> {
            SpecialTokens special = SpecialTokens.of(new TextFiles(directory));
            Map<String, Object> tokens = new HashMap<>();
            special.bos().ifPresent(token -> tokens.put("bos_token", token));
            special.eos().ifPresent(token -> tokens.put("eos_token", token));
            special.unk().ifPresent(token -> tokens.put("unk_token", token));
            special.pad().ifPresent(token -> tokens.put("pad_token", token));
            return new ChatTemplate(source, tokens);
        });
    }

    /// The template of a GGUF file's `tokenizer.chat_template`; empty where there is none.
    public static Optional<ChatTemplate> ofGguf(Map<String, Object> metadata) {
        if (!(metadata.get("tokenizer.chat_template") instanceof String text)) {
            return Optional.empty();
        }
        GgufTokens vocabulary = GgufTokens.of(metadata);
        Map<String, Object> tokens = new HashMap<>();
        Map.of("bos", "bos_token", "eos", "eos_token", "unknown", "unk_token", "padding", "pad_token")
                .forEach(
                        (key, name) -> vocabulary.special(key).ifPresent(id -> tokens.put(name, vocabulary.token(id))));
        return Optional.of(new ChatTemplate(new TemplateSource(text, "GGUF tokenizer.chat_template"), tokens));
    }

    /// The template's own text.
    public String text() {
        return source.text();
    }

    /// The chat as text, special tokens spelt out: encode it with `encode(text, false)`. With
    /// `addGenerationPrompt` it ends where the assistant is to speak.
    public String render(List<Message> messages, boolean addGenerationPrompt) {
        return render(messages, addGenerationPrompt, Map.of());
    }

    /// With further names for the template, such as `enable_thinking`; values are strings, numbers, booleans, lists and
    /// maps of these.
    public String render(List<Message> messages, boolean addGenerationPrompt, Map<String, Object> more) {
        List<Map<String, Object>> turns = messages.stream()
                .map(m -> {
                    Map<String, Object> turn = new LinkedHashMap<>();
                    turn.put("role", m.role());
                    turn.put("content", m.content());
                    return turn;
                })
                .toList();
        Map<String, Object> values = new HashMap<>(specialTokens);
        values.putAll(more);
        values.put("messages", turns);
        values.put("add_generation_prompt", addGenerationPrompt);
        return render(values);
    }

    private String render(Map<String, Object> values) {
        try {
            return render(source.text(), values);
        } catch (JinjaException e) {
            throw new QuernException(source.origin() + ": " + e.getMessage(), e);
        }
    }

    /// Any template over any values, in the environment that chat templates are written for.
    static String render(String template, Map<String, Object> values) {
        Map<String, Object> globals = new HashMap<>();
        values.forEach((name, value) -> globals.put(name, JinjaValues.of(value)));
        globals.put("raise_exception", (JinjaValues.Function) (arguments, named) -> {
            throw new JinjaException("the template refuses these messages: "
                    + JinjaValues.text(arguments.getFirst()).replace('\n', ' '));
        });
        globals.put("strftime_now", (JinjaValues.Function)
                (arguments, named) -> JinjaClock.format(JinjaValues.text(arguments.getFirst()), LocalDateTime.now()));
        try {
            return new JinjaInterpreter(globals).render(JinjaParser.parse(template));
        } catch (StackOverflowError e) {
            throw new JinjaException("the template is nested too deeply");
        }
    }
}
