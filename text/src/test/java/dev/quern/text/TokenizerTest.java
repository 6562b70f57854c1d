package dev.quern.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
    private static final String[] TEXTS = {
        "hello",
        " hello  world",
        "안녕하세요",
        "👩‍👧 👍🏽",
        "e\u0301a\u0308",
        "a\n\tb",
        "",
        " ",
        "<s>hello</s>",
        "x\u0000y",
        "\ud800"
    };

    @Test
    void byteLevelTextComesBackWhole() {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(byteLevel("gpt-2"))) {
            for (String text :
                    new String[] {"hello", " hello  world", "안녕하세요", "👩‍👧 👍🏽", "e\u0301", "a\n\tb", ""}) {
                assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
            }
        }
    }

    @Test
    void sentencePieceTextComesBackWholeAndUnknownCharactersBecomeBytes() {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(sentencePiece(true))) {
            for (String text : new String[] {"hello", "hello world", " hello", "안녕", "👍 hello", "e\u0301"}) {
                assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
            }
            int[] ids = tokenizer.encode("é");
            assertThat(ids).containsExactly(1, piece("\u2581"), 3 + 0xC3, 3 + 0xA9);
        }
    }

    @Test
    void scoresDecideWhichPiecesMerge() {
        // "▁hell" scores better than "lo" and "▁hello" is a piece: hell+o wins over hel+lo.
        try (Tokenizer tokenizer = Tokenizer.ofGguf(sentencePiece(true))) {
            assertThat(tokenizer.encode("hello", false)).containsExactly(piece("\u2581hello"));
            assertThat(tokenizer.encode("hell", false)).containsExactly(piece("\u2581hell"));
        }
        try (Tokenizer tokenizer = Tokenizer.ofGguf(sentencePiece(false))) {
            assertThat(tokenizer.encode("hello", false)).doesNotContain(piece("\u2581hello"));
            assertThat(tokenizer.decode(tokenizer.encode(" hello"))).isEqualTo(" hello");
        }
    }

    @Test
    void theBeginningTokenIsAddedWhereTheFileSaysSo() {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(sentencePiece(true))) {
            assertThat(tokenizer.encode("hello")[0]).isEqualTo(1);
            assertThat(tokenizer.encode("hello", false)[0]).isNotEqualTo(1);
            assertThat(tokenizer.bosToken()).hasValue(1);
            assertThat(tokenizer.eosTokens()).containsExactly(2);
        }
        Map<String, Object> without = sentencePiece(true);
        without.put("tokenizer.ggml.add_bos_token", false);
        try (Tokenizer tokenizer = Tokenizer.ofGguf(without)) {
            assertThat(tokenizer.encode("hello")[0]).isNotEqualTo(1);
        }
    }

    @Test
    void unigramTakesTheMostProbablePieces() {
        Map<String, Object> metadata = new HashMap<>();
        metadata.put("tokenizer.ggml.model", "t5");
        metadata.put(
                "tokenizer.ggml.tokens",
                List.of("<unk>", "</s>", "\u2581", "\u2581ab", "c", "\u2581a", "bc", "a", "b"));
        metadata.put("tokenizer.ggml.scores", new float[] {0, 0, -5, -3, -2, -1, -1, -9, -9});
        metadata.put("tokenizer.ggml.token_type", new int[] {2, 3, 1, 1, 1, 1, 1, 1, 1});
        metadata.put("tokenizer.ggml.eos_token_id", 1L);
        try (Tokenizer tokenizer = Tokenizer.ofGguf(metadata)) {
            assertThat(tokenizer.encode("abc")).containsExactly(5, 6, 1);
            assertThat(tokenizer.decode(new int[] {5, 6, 1})).isEqualTo("abc");
        }
    }

    @Test
    void streamedPiecesHoldOnlyWholeCharactersAndJoinToTheWholeText() {
        for (Map<String, Object> metadata : List.of(byteLevel("gpt-2"), sentencePiece(true))) {
            try (Tokenizer tokenizer = Tokenizer.ofGguf(metadata)) {
                Random random = new Random(3);
                for (int round = 0; round < 100; round++) {
                    StringBuilder text = new StringBuilder("hello");
                    for (int i = random.nextInt(20); i > 0; i--) {
                        text.append(TEXTS[random.nextInt(TEXTS.length - 2)]);
                    }
                    int[] ids = tokenizer.encode(text.toString());
                    StreamDecoder stream = tokenizer.stream();
                    StringBuilder joined = new StringBuilder();
                    for (int id : ids) {
                        String piece = stream.next(id);
                        assertThat(piece).doesNotContain("\uFFFD");
                        joined.append(piece);
                    }
                    joined.append(stream.flush());
                    assertThat(joined.toString()).isEqualTo(tokenizer.decode(ids));
                }
            }
        }
    }

    @Test
    void aCharacterThatNeverCompletesIsShownAtTheEnd() {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(byteLevel("gpt-2"))) {
            int[] ids = tokenizer.encode("한");
            StreamDecoder stream = tokenizer.stream();
            assertThat(stream.next(ids[0])).isEmpty();
            assertThat(stream.flush()).isEqualTo("\uFFFD");
            assertThat(stream.flush()).isEmpty();
        }
    }

    @Test
    void everyPreTokenizerIsRecognisedByItsStructure() throws IOException {
        for (PreTokenizer pre : PreTokenizer.ALL) {
            var json = TextFiles.json().readTree(GgufVocabulary.tokenizerJson(byteLevel(pre.name())));
            assertThat(PreTokenizer.recognise(json)).as(pre.name()).contains(pre);
            try (Tokenizer tokenizer = Tokenizer.ofGguf(byteLevel(pre.name()))) {
                assertThat(tokenizer.decode(tokenizer.encode("It's 1234 5\n\n  x=y 한국 Ünï")))
                        .as(pre.name())
                        .isEqualTo("It's 1234 5\n\n  x=y 한국 Ünï");
            }
        }
    }

    @Test
    void anUnknownPreTokenizerIsNamed() {
        assertThatThrownBy(() -> Tokenizer.ofGguf(byteLevel("novel-bpe")))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("\"novel-bpe\"")
                .hasMessageContaining("llama-bpe");
        Map<String, Object> metadata = byteLevel("gpt-2");
        metadata.put("tokenizer.ggml.model", "rwkv");
        assertThatThrownBy(() -> Tokenizer.ofGguf(metadata)).hasMessageContaining("\"rwkv\"");
    }

    @Test
    void aVocabularyOfSentencePieceKeepsItsIdsOnTheWayToJsonAndBack(@TempDir Path directory) throws IOException {
        Map<String, Object> metadata = sentencePiece(true);
        Files.writeString(directory.resolve("tokenizer.json"), GgufVocabulary.tokenizerJson(metadata));
        Files.writeString(directory.resolve("tokenizer_config.json"), GgufVocabulary.tokenizerConfigJson(metadata));
        Map<String, Object> back = GgufVocabulary.metadata(directory);
        for (String key : new String[] {"model", "tokens", "token_type", "bos_token_id", "eos_token_id"}) {
            assertThat(back.get("tokenizer.ggml." + key)).as(key).isEqualTo(metadata.get("tokenizer.ggml." + key));
        }
        assertThat(back.get("tokenizer.ggml.add_bos_token")).isEqualTo(true);
        assertThat(back.get("tokenizer.ggml.add_space_prefix")).isEqualTo(true);
        try (Tokenizer direct = Tokenizer.ofGguf(metadata);
                Tokenizer again = Tokenizer.ofGguf(back)) {
            for (String text : TEXTS) {
                assertThat(again.encode(text)).as(text).isEqualTo(direct.encode(text));
            }
        }
    }

    @Test
    void theVocabularyIsPaddedToTheModelsRowsAndMayNotBeGreater(@TempDir Path directory) throws IOException {
        Map<String, Object> metadata = byteLevel("gpt-2");
        int size = GgufTokens.of(metadata).size();
        Files.writeString(directory.resolve("tokenizer.json"), GgufVocabulary.tokenizerJson(metadata));
        Files.writeString(directory.resolve("config.json"), "{\"vocab_size\": " + (size + 2) + "}");
        Map<String, Object> padded = GgufVocabulary.metadata(directory);
        assertThat((List<?>) padded.get("tokenizer.ggml.tokens")).hasSize(size + 2);
        try (Tokenizer tokenizer = Tokenizer.ofGguf(padded)) {
            assertThat(tokenizer.encode("[PAD" + size + "]")).doesNotContain(size);
            tokenizer.check(size + 2);
            assertThatThrownBy(() -> tokenizer.check(size)).hasMessageContaining("belongs to another model");
        }
        Files.writeString(directory.resolve("config.json"), "{\"vocab_size\": 7}");
        assertThatThrownBy(() -> GgufVocabulary.metadata(directory)).hasMessageContaining("vocab_size is 7");
    }

    @Test
    void aMissingOrBrokenTokenizerIsOneClearLine(@TempDir Path directory) throws IOException {
        assertThatThrownBy(() -> Tokenizer.ofDirectory(directory))
                .isInstanceOf(QuernException.class)
                .hasMessageStartingWith(directory + ": no tokenizer.json")
                .hasMessageNotContaining("\n");
        Path file = directory.resolve("tokenizer.json");
        for (String broken : new String[] {
            "", "{", "[]", "{\"model\": {\"vocab\": {\"a\": -1}}}", "{\"model\": {\"vocab\": {\"a\": 0}}}"
        }) {
            Files.writeString(file, broken);
            assertThatThrownBy(() -> Tokenizer.ofDirectory(directory))
                    .as(broken)
                    .isInstanceOf(QuernException.class)
                    .hasMessageContaining("tokenizer.json")
                    .hasMessageNotContaining("\n");
        }
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        assertThatThrownBy(() -> Tokenizer.ofDirectory(directory)).hasMessageContaining("not UTF-8");
    }

    @Test
    void endsOfAnswersComeFromAllFilesThatNameThem(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), GgufVocabulary.tokenizerJson(byteLevel("gpt-2")));
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"eos_token\": {\"content\": \"</s>\"}}");
        Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": [5, 6]}");
        Files.writeString(directory.resolve("config.json"), "{\"eos_token_id\": 7, \"bos_token_id\": 1}");
        try (Tokenizer tokenizer = Tokenizer.ofDirectory(directory)) {
            assertThat(tokenizer.eosTokens()).containsExactlyInAnyOrder(2, 5, 6, 7);
            assertThat(tokenizer.bosToken()).hasValue(1);
            assertThat(tokenizer.sha256()).matches("[0-9a-f]{64}");
        }
    }

    /// All 256 bytes and a few merges, after three special tokens.
    private static Map<String, Object> byteLevel(String pre) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean shown = (b > 32 && b < 127) || (b > 160 && b != 173);
            tokens.add(String.valueOf((char) (shown ? b : next++)));
        }
        tokens.addAll(List.of("he", "ll", "hell", "hello", "\u0120w"));
        Map<String, Object> metadata = metadata("gpt2", tokens);
        metadata.put("tokenizer.ggml.pre", pre);
        metadata.put("tokenizer.ggml.merges", List.of("h e", "l l", "he ll", "hell o", "\u0120 w"));
        return metadata;
    }

    private static final List<String> PIECES = List.of(
            "\u2581hello",
            "\u2581hell",
            "lo",
            "el",
            "\u2581h",
            "ell",
            "ll",
            "\u2581",
            "h",
            "e",
            "l",
            "o",
            "w",
            "r",
            "d");

    private static int piece(String piece) {
        return 259 + PIECES.indexOf(piece);
    }

    private static Map<String, Object> sentencePiece(boolean prefix) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        for (int b = 0; b < 256; b++) {
            tokens.add(String.format("<0x%02X>", b));
        }
        tokens.addAll(PIECES);
        Map<String, Object> metadata = metadata("llama", tokens);
        int[] types = (int[]) metadata.get("tokenizer.ggml.token_type");
        float[] scores = new float[tokens.size()];
        // The order of merging: ▁h, ell, ▁hell, ▁hello; lo and el come later.
        List<String> order = List.of("ll", "\u2581h", "ell", "\u2581hell", "\u2581hello", "lo", "el");
        for (int id = 0; id < scores.length; id++) {
            int rank = order.indexOf(tokens.get(id));
            scores[id] = id < 259 ? 0 : rank >= 0 ? -rank : -100 - id;
            java.util.Objects.requireNonNull(types)[id] = id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1;
        }
        metadata.put("tokenizer.ggml.scores", scores);
        metadata.put("tokenizer.ggml.add_space_prefix", prefix);
        return metadata;
    }

    private static Map<String, Object> metadata(String model, List<String> tokens) {
        Map<String, Object> metadata = new HashMap<>();
        int[] types = new int[tokens.size()];
        for (int id = 0; id < types.length; id++) {
            types[id] = id < 3 ? 3 : 1;
        }
        metadata.put("tokenizer.ggml.model", model);
        metadata.put("tokenizer.ggml.tokens", List.copyOf(tokens));
        metadata.put("tokenizer.ggml.token_type", types);
        metadata.put("tokenizer.ggml.bos_token_id", 1L);
        metadata.put("tokenizer.ggml.eos_token_id", 2L);
        metadata.put("tokenizer.ggml.unknown_token_id", 0L);
        return metadata;
    }
}
