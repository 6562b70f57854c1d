package dev.quern.text;

import dev.quern.core.UnsupportedModelException;
import java.nio.file.Path;
import java.util.Map;

/// The two written forms of a tokenizer, each from the other: GGUF's `tokenizer.ggml.*` and `tokenizer.json`.
public final class GgufVocabulary {
    private GgufVocabulary() {}

    /// The text of the tokenizer.json that does what a GGUF file's metadata describes.
    public static String tokenizerJson(Map<String, Object> metadata) {
        throw new UnsupportedModelException("GGUF vocabularies are not read yet");
    }

    /// The text of the tokenizer_config.json that goes with it: special tokens, bos and eos, chat template.
    public static String tokenizerConfigJson(Map<String, Object> metadata) {
        throw new UnsupportedModelException("GGUF vocabularies are not read yet");
    }

    /// The complete `tokenizer.*` keys that llama.cpp wants, from a directory with tokenizer.json.
    ///
    /// Values are `String`, `Boolean`, `Integer` (GGUF uint32), `List<String>`, `int[]` (array of int32), `float[]`
    /// (array of float32) and `byte[]` (array of uint8). The vocabulary is padded with unused tokens to the
    /// `vocab_size` of config.json, because llama.cpp wants as many tokens as the embedding has rows.
    public static Map<String, Object> metadata(Path directory) {
        throw new UnsupportedModelException("GGUF vocabularies are not written yet");
    }
}
