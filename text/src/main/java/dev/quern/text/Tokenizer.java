package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/// Text to token numbers and back, as the model's own tokenizer does it.
///
/// Owns a native tokenizer until `close`. May be used from several threads; calls take turns.
public final class Tokenizer implements AutoCloseable {
    private final RustTokenizer rust;
    private final TokenizerFacts facts;
    private final String sha256;

    private Tokenizer(String json, String origin, TokenizerFacts facts) {
        this.rust = new RustTokenizer(json, origin);
        this.facts = facts;
        this.sha256 = sha256(json);
    }

    /// Loads the native library; throws a `QuernException` where there is none for this system. Tokenizers do it
    /// themselves.
    public static void load() {
        RustTokenizer.load();
    }

    /// The tokenizer of a Hugging Face style directory: `tokenizer.json`, with the special tokens that
    /// `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json` and `config.json` name.
    public static Tokenizer ofDirectory(Path directory) {
        Path file = directory.resolve("tokenizer.json");
        TextFiles files = new TextFiles(directory);
        String json = files.text("tokenizer.json")
                .orElseThrow(() -> new QuernException(directory
                        + ": no tokenizer.json here; put the model's tokenizer.json beside its config.json"
                        + " (tokenizer.model or vocab.json alone are not read)"));
        JsonNode tree = TextFiles.parse(json, file);
        return new Tokenizer(json, file.toString(), TokenizerFacts.ofDirectory(tree, files));
    }

    /// The tokenizer that a GGUF file's metadata (`tokenizer.ggml.*`) describes.
    public static Tokenizer ofGguf(Map<String, Object> metadata) {
        String json = GgufVocabulary.tokenizerJson(metadata);
        return new Tokenizer(json, "GGUF tokenizer.ggml.*", TokenizerFacts.ofGguf(metadata));
    }

    /// With the special tokens that the tokenizer itself adds (often a beginning-of-text token, often none).
    ///
    /// A rendered chat template already holds its special tokens: encode it with `encode(text, false)`.
    public int[] encode(String text) {
        return encode(text, true);
    }

    /// Special tokens spelt in the text (`<|im_end|>`) become their single token either way.
    public int[] encode(String text, boolean addSpecialTokens) {
        return rust.encode(text, addSpecialTokens);
    }

    /// The text without special tokens.
    public String decode(int[] tokens) {
        return decode(tokens, true);
    }

    public String decode(int[] tokens, boolean skipSpecial) {
        return rust.decode(tokens, 0, tokens.length, skipSpecial);
    }

    /// A decoder for tokens that come one by one.
    public StreamDecoder stream() {
        return new StreamDecoder(rust);
    }

    public OptionalInt bosToken() {
        return facts.bos();
    }

    /// The beginning-of-text token where `encode` puts it in front of every text; else empty.
    public OptionalInt addedBos() {
        int[] added = encode("");
        return facts.bos().isPresent()
                        && added.length > 0
                        && added[0] == facts.bos().getAsInt()
                ? facts.bos()
                : OptionalInt.empty();
    }

    /// The tokens that end an answer; empty where the model's files name none.
    public Set<Integer> eosTokens() {
        return facts.eos();
    }

    /// One more than the greatest token number.
    public int vocabSize() {
        return facts.vocabSize();
    }

    /// Fails where a token of this tokenizer has no row in the model's embedding. Fewer tokens than rows are usual
    /// (models pad their vocabulary).
    public void check(int modelVocabSize) {
        if (vocabSize() > modelVocabSize) {
            throw new QuernException("tokenizer has " + vocabSize() + " tokens but the model's vocabulary has only "
                    + modelVocabSize + " rows: this tokenizer belongs to another model; use the one the model was"
                    + " published with");
        }
    }

    /// The SHA-256 of the tokenizer.json text, in hexadecimal: two results are comparable only where it is the same.
    public String sha256() {
        return sha256;
    }

    @Override
    public void close() {
        rust.close();
    }

    private static String sha256(String text) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}
