package dev.quern.text;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;

/// The two written forms of a tokenizer, each from the other: GGUF's `tokenizer.ggml.*` and `tokenizer.json`.
public final class GgufVocabulary {
    private static final String CHAT_TEMPLATE = "tokenizer.chat_template";

    private GgufVocabulary() {}

    /// The text of the tokenizer.json that does what a GGUF file's metadata describes.
    public static String tokenizerJson(Map<String, Object> metadata) {
        return TokenizerJson.of(GgufTokens.of(metadata)).toString();
    }

    /// The text of the tokenizer_config.json that goes with it: special tokens, bos and eos, chat template.
    public static String tokenizerConfigJson(Map<String, Object> metadata) {
        GgufTokens tokens = GgufTokens.of(metadata);
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("tokenizer_class", "PreTrainedTokenizerFast");
        config.put("clean_up_tokenization_spaces", false);
        Map<String, String> names = Map.of("bos", "bos", "eos", "eos", "unk", "unknown", "pad", "padding");
        for (String name : new String[] {"bos", "eos", "unk", "pad"}) {
            tokens.special(names.getOrDefault(name, name))
                    .ifPresent(id -> config.put(name + "_token", tokens.token(id)));
        }
        for (String key : new String[] {"add_bos_token", "add_eos_token"}) {
            if (tokens.has(key)) {
                config.put(key, tokens.flag(key, false));
            }
        }
        if (metadata.get(CHAT_TEMPLATE) instanceof String template) {
            config.put("chat_template", template);
        }
        return config.toPrettyString() + "\n";
    }

    /// The complete `tokenizer.*` keys that llama.cpp wants, from a directory with tokenizer.json.
    ///
    /// Values are `String`, `Boolean`, `Long` (GGUF uint32), `List<String>`, `int[]` (array of int32), `float[]`
    /// (array of float32) and `byte[]` (array of uint8). The vocabulary is padded with unused tokens to the
    /// `vocab_size` of config.json, because llama.cpp wants as many tokens as the embedding has rows.
    public static Map<String, Object> metadata(Path directory) {
        return GgufMetadata.of(directory);
    }
}
