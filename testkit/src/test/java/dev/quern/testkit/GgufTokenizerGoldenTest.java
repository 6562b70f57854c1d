package dev.quern.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.quern.formats.Gguf;
import dev.quern.formats.GgufFile;
import dev.quern.text.ChatTemplate;
import dev.quern.text.GgufVocabulary;
import dev.quern.text.Message;
import dev.quern.text.StreamDecoder;
import dev.quern.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The tokenizers that real GGUF files describe, against what their own makers' code gives.
class GgufTokenizerGoldenTest {
    private static final String SMOLLM = "models/SmolLM2-135M-Instruct.Q4_1.gguf";
    private static final String GOLDEN = "golden/smollm2-greedy.json";

    @Test
    void promptIdsOfSmolLm2EqualTheGoldenOnes() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(metadata(SMOLLM))) {
            for (JsonNode golden : cases()) {
                String text = golden.path(golden.has("prompt") ? "prompt" : "rendered")
                        .asText();
                assertThat(tokenizer.encode(text)).as(text).isEqualTo(ids(golden.path("prompt_ids")));
            }
            assertThat(tokenizer.bosToken()).hasValue(1);
            assertThat(tokenizer.eosTokens()).contains(2);
            assertThat(tokenizer.vocabSize()).isEqualTo(49152);
        }
    }

    @Test
    void goldenContinuationsDecodeToTheGoldenTextAtOnceAndTokenByToken() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(metadata(SMOLLM))) {
            for (JsonNode golden : cases()) {
                int[] ids = ids(golden.path("greedy_ids"));
                String text = golden.path("greedy_text").asText();
                assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
                StreamDecoder stream = tokenizer.stream();
                StringBuilder streamed = new StringBuilder();
                for (int id : ids) {
                    streamed.append(stream.next(id));
                }
                assertThat(streamed.append(stream.flush()).toString()).isEqualTo(tokenizer.decode(ids));
            }
        }
    }

    @Test
    void renderedChatsOfSmolLm2EqualTheGoldenOnes() throws IOException {
        ChatTemplate template = ChatTemplate.ofGguf(metadata(SMOLLM)).orElseThrow();
        int seen = 0;
        for (JsonNode golden : cases()) {
            if (golden.has("messages")) {
                seen++;
                List<Message> messages = new ArrayList<>();
                golden.path("messages")
                        .forEach(m -> messages.add(new Message(
                                m.path("role").asText(), m.path("content").asText())));
                assertThat(template.render(messages, true))
                        .isEqualTo(golden.path("rendered").asText());
            }
        }
        assertThat(seen).isEqualTo(2);
    }

    @Test
    void smolLm2SurvivesTheWayToTokenizerJsonAndBack(@TempDir Path directory) throws IOException {
        Map<String, Object> metadata = metadata(SMOLLM);
        write(directory, metadata);
        Map<String, Object> back = GgufVocabulary.metadata(directory);
        metadata.forEach((key, value) -> {
            if (key.startsWith("tokenizer.")) {
                assertThat(comparable(back.get(key))).as(key).isEqualTo(comparable(value));
            }
        });
        try (Tokenizer direct = Tokenizer.ofGguf(metadata);
                Tokenizer written = Tokenizer.ofDirectory(directory)) {
            assertThat(written.sha256()).isEqualTo(direct.sha256());
            assertThat(written.bosToken()).isEqualTo(direct.bosToken());
            assertThat(written.eosTokens()).contains(2);
        }
        assertThat(ChatTemplate.ofDirectory(directory)).isPresent();
    }

    @Test
    void theFixtureTokenizerOfGgufEqualsItsTokenizerJson() throws IOException {
        Optional<Path> directory = Shared.find("fixtures/tiny-fp32");
        assumeThat(directory).as("shared fixtures").isPresent();
        try (Tokenizer json = Tokenizer.ofDirectory(directory.orElseThrow());
                Tokenizer gguf = Tokenizer.ofGguf(metadata("fixtures/gguf/tiny-Q4_0.gguf"))) {
            assertThat(gguf.vocabSize()).isEqualTo(json.vocabSize()).isEqualTo(320);
            assertThat(gguf.bosToken()).isEqualTo(json.bosToken()).hasValue(1);
            assertThat(gguf.eosTokens()).isEqualTo(json.eosTokens()).containsExactly(2);
            Random random = new Random(7);
            for (int i = 0; i < 500; i++) {
                String text = text(random);
                int[] ids = json.encode(text);
                assertThat(gguf.encode(text)).as(text).isEqualTo(ids);
                assertThat(gguf.decode(ids)).as(text).isEqualTo(json.decode(ids));
            }
        }
    }

    @Test
    void theFixtureTokenizerJsonBecomesTheMetadataOfItsGguf() throws IOException {
        Optional<Path> directory = Shared.find("fixtures/tiny-fp32");
        assumeThat(directory).as("shared fixtures").isPresent();
        Map<String, Object> written = GgufVocabulary.metadata(directory.orElseThrow());
        metadata("fixtures/gguf/tiny-Q4_0.gguf").forEach((key, value) -> {
            if (key.startsWith("tokenizer.")) {
                assertThat(comparable(written.get(key))).as(key).isEqualTo(comparable(value));
            }
        });
    }

    private static String text(Random random) {
        String[] pieces = {
            "the", " a", "  ", "\n", "\t", "1", "23", "Hello", " world", "'s", "'LL", "?!", "…", "é", "e\u0301", "한국어",
            "👩‍👧", "<s>", "</s>", "<pad>", "\u00a0", "ﷺ", "\r\n", "x_y", "\u0000"
        };
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(12); n >= 0; n--) {
            text.append(pieces[random.nextInt(pieces.length)]);
        }
        return text.toString();
    }

    private static void write(Path directory, Map<String, Object> metadata) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), GgufVocabulary.tokenizerJson(metadata));
        Files.writeString(directory.resolve("tokenizer_config.json"), GgufVocabulary.tokenizerConfigJson(metadata));
    }

    private static Object comparable(@Nullable Object value) {
        return switch (value) {
            case null -> "absent";
            case int[] ints ->
                java.util.Arrays.stream(ints).asLongStream().boxed().toList();
            case List<?> list -> List.copyOf(list);
            default -> value;
        };
    }

    private static Map<String, Object> metadata(String name) {
        Optional<Path> file = Shared.find(name);
        assumeThat(file).as("shared " + name).isPresent();
        try (GgufFile gguf = Gguf.open(file.orElseThrow())) {
            return Map.copyOf(gguf.metadata());
        }
    }

    private static List<JsonNode> cases() throws IOException {
        Optional<Path> golden = Shared.find(GOLDEN);
        assumeThat(golden).as("shared " + GOLDEN).isPresent();
        JsonNode tree = new ObjectMapper().readTree(Files.readString(golden.orElseThrow()));
        return StreamSupport.stream(tree.path("cases").spliterator(), false).toList();
    }

    private static int[] ids(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
