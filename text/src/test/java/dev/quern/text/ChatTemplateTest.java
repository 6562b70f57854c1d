package dev.quern.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
    private static final List<Message> HELLO = List.of(new Message("user", "Hello"));

    /// Expected texts are Python's, made by make-expected.py beside the templates.
    @TestFactory
    List<DynamicTest> everyTemplateRendersEveryCaseAsPythonDoes() throws IOException {
        JsonNode expected = json("expected.json");
        List<DynamicTest> tests = new ArrayList<>();
        for (Map.Entry<String, JsonNode> template : expected.properties()) {
            if (template.getKey().equals("made_with")) {
                continue;
            }
            String source = resource(template.getKey() + ".jinja");
            for (JsonNode one : json("cases.json")) {
                String name = one.path("name").asText();
                tests.add(DynamicTest.dynamicTest(
                        template.getKey() + ": " + name,
                        () -> check(source, one, template.getValue().path(name))));
            }
        }
        assertThat(tests).hasSizeGreaterThan(60);
        return tests;
    }

    private static void check(String source, JsonNode one, JsonNode expected) {
        Map<String, Object> values = new HashMap<>(Map.of("add_generation_prompt", true));
        values.putAll(Map.of("bos_token", "<s>", "eos_token", "</s>"));
        one.properties()
                .forEach(e -> values.put(e.getKey(), new ObjectMapper().convertValue(e.getValue(), Object.class)));
        values.remove("name");
        if (expected.has("text")) {
            assertThat(ChatTemplate.render(source, values))
                    .isEqualTo(expected.path("text").asText());
        } else {
            var thrown = assertThatThrownBy(() -> ChatTemplate.render(source, values))
                    .isInstanceOf(QuernException.class)
                    .hasMessageMatching("line [0-9]+: .*");
            if (expected.has("raised")) {
                thrown.hasMessageContaining(expected.path("raised").asText());
            }
        }
    }

    @Test
    void aTemplateFileCountsBeforeTheOneInTokenizerConfig(@TempDir Path directory) throws IOException {
        Files.writeString(
                directory.resolve("tokenizer_config.json"),
                "{\"bos_token\": {\"content\": \"<s>\"}, \"chat_template\": \"config\"}");
        assertThat(render(directory)).isEqualTo("config");
        Files.writeString(directory.resolve("chat_template.json"), "{\"chat_template\": \"json\"}");
        assertThat(render(directory)).isEqualTo("json");
        Files.writeString(directory.resolve("chat_template.jinja"), "{{ bos_token }}{{ messages[0].content }}");
        assertThat(render(directory)).isEqualTo("<s>Hello");
    }

    @Test
    void ofSeveralNamedTemplatesTheDefaultOneIsTaken(@TempDir Path directory) throws IOException {
        Files.writeString(
                directory.resolve("tokenizer_config.json"),
                "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
                        + " {\"name\": \"default\", \"template\": \"d\"}]}");
        assertThat(render(directory)).isEqualTo("d");
    }

    @Test
    void aDirectoryWithoutTemplateHasNone(@TempDir Path directory) {
        assertThat(ChatTemplate.ofDirectory(directory)).isEmpty();
    }

    @Test
    void aBrokenTemplateIsOneLineWithFileAndLine(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("chat_template.jinja");
        Files.writeString(file, "one\n{% if x %}\n{% endfor %}");
        assertThatThrownBy(() -> render(directory))
                .isInstanceOf(QuernException.class)
                .hasMessageStartingWith(file + ": line 3: ")
                .hasMessageNotContaining("\n");
    }

    @Test
    void templatesCannotReachTheMachine() {
        for (String attack : new String[] {
            "{% include '/etc/passwd' %}",
            "{% import 'x' as y %}",
            "{{ ''.getClass() }}",
            "{{ messages.class }}{{ messages.class.forName('java.lang.Runtime') }}",
            "{{ ''.__class__.__mro__ }}",
            "{{ self._TemplateReference__context }}"
        }) {
            assertThatThrownBy(() -> ChatTemplate.render(attack, Map.of("messages", List.of())))
                    .as(attack)
                    .isInstanceOf(QuernException.class);
        }
    }

    @Test
    void templatesThatUseTooMuchAreStopped() {
        for (String greedy : new String[] {
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
            "{{ 'x' * 999999999 }}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{{ " + "(".repeat(200_000) + "1" + ")".repeat(200_000) + " }}",
            "{% set ns = namespace(l=[1]) %}{% for a in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
            "{{ range(10 ** 9) }}"
        }) {
            assertThatThrownBy(() -> ChatTemplate.render(greedy, Map.of()))
                    .as(greedy.substring(0, Math.min(80, greedy.length())))
                    .isInstanceOf(QuernException.class);
        }
    }

    private static String render(Path directory) {
        return ChatTemplate.ofDirectory(directory).orElseThrow().render(HELLO, true);
    }

    private static JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(resource(name));
    }

    private static String resource(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(ChatTemplateTest.class.getResourceAsStream("/templates/" + name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
