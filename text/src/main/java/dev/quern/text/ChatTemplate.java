package dev.quern.text;

import dev.quern.core.UnsupportedModelException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model's own recipe for writing a chat as one text. Where it fails, it fails: no other template steps in.
public final class ChatTemplate {
    private ChatTemplate() {}

    /// The template of `chat_template.jinja`, `chat_template.json` or `tokenizer_config.json`; empty where there is
    /// none.
    public static Optional<ChatTemplate> ofDirectory(Path directory) {
        return Optional.empty();
    }

    /// The template of a GGUF file's `tokenizer.chat_template`; empty where there is none.
    public static Optional<ChatTemplate> ofGguf(Map<String, Object> metadata) {
        return Optional.empty();
    }

    /// The chat as text, special tokens spelt out: encode it with `encode(text, false)`. With
    /// `addGenerationPrompt` it ends where the assistant is to speak.
    public String render(List<Message> messages, boolean addGenerationPrompt) {
        throw new UnsupportedModelException("chat templates are not rendered yet");
    }
}
