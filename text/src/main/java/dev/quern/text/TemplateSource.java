package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A chat template's text and the file it came from.
record TemplateSource(String text, String origin) {
    /// `chat_template.jinja` counts before `chat_template.json` and that before tokenizer_config.json, as in
    /// transformers.
    static Optional<TemplateSource> ofDirectory(Path directory) {
        TextFiles files = new TextFiles(directory);
        Optional<String> file = files.text("chat_template.jinja");
        if (file.isPresent()) {
            return Optional.of(new TemplateSource(
                    file.get(), directory.resolve("chat_template.jinja").toString()));
        }
        for (String name : new String[] {"chat_template.json", "tokenizer_config.json"}) {
            Optional<JsonNode> template =
                    files.tree(name).map(tree -> tree.path("chat_template")).filter(t -> !t.isMissingNode());
            if (template.isPresent() && !template.get().isNull()) {
                String origin = directory.resolve(name) + " chat_template";
                return Optional.of(new TemplateSource(chosen(template.get(), origin), origin));
            }
        }
        return Optional.empty();
    }

    /// The text itself, or of several named ones the one named `default`.
    private static String chosen(JsonNode template, String origin) {
        if (template.isTextual()) {
            return template.textValue();
        }
        List<String> names = new ArrayList<>();
        for (JsonNode named : template) {
            String name = named.path("name").asText();
            if (name.equals("default") && named.path("template").isTextual()) {
                return named.path("template").textValue();
            }
            names.add(name);
        }
        if (template.isObject() && template.path("default").isTextual()) {
            return template.path("default").textValue();
        }
        throw new QuernException(origin + ": neither a text nor a list with a template named default"
                + (names.isEmpty() ? "" : "; found " + String.join(", ", names)));
    }
}
