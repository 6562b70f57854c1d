package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// The registry of model families.
public final class Architectures {
    /// All families; where two share a GGUF name, the first reads such files.
    public static final List<Architecture> ALL = List.of(
            new LlamaArchitecture(),
            new MistralArchitecture(),
            new Qwen2Architecture(),
            new Qwen3Architecture(),
            new Gemma3Architecture());

    private Architectures() {}

    /// The family of a config.json, by its `architectures`.
    public static Optional<Architecture> ofConfig(JsonNode config) {
        String name = config.path("architectures").path(0).asText("");
        return ALL.stream().filter(a -> a.huggingFaceNames().contains(name)).findFirst();
    }

    /// The family of a GGUF file, by its `general.architecture`.
    public static Optional<Architecture> ofGguf(String name) {
        return ALL.stream().filter(a -> a.ggufName().equals(name)).findFirst();
    }

    /// All known names, for messages.
    public static String known() {
        return ALL.stream().flatMap(a -> a.huggingFaceNames().stream()).sorted().collect(Collectors.joining(", "));
    }
}
