package dev.quern.testkit;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.formats.Json;
import java.util.List;

/// A real byte-level BPE tokenizer of 288 tokens: three special ones, all bytes, and the merges of some English.
final class TinyTokenizer {
    static final int VOCAB_SIZE = 288;

    private static final List<String> SPECIAL = List.of("<pad>", "<s>", "</s>");
    private static final List<String> MERGES = List.of(
            "Ġ t", "h e", "Ġ a", "i n", "e r", "Ġt he", "o n", "r e", "Ġ s", "n d", "Ġ w", "o u", "i s", "Ġ o", "Ġa nd",
            "a t", "e n", "Ġ c", "Ġ b", "i t", "in g", "Ġ f", "e d", "e s", "o r", "Ġ p", "Ġo f", "Ġ m", "a r");

    private TinyTokenizer() {}

    /// tokenizer.json
    static ObjectNode json() {
        ObjectNode root = Json.object();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int id = 0; id < SPECIAL.size(); id++) {
            added.addObject()
                    .put("id", id)
                    .put("content", SPECIAL.get(id))
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        root.putNull("normalizer");
        root.set("pre_tokenizer", byteLevel(false));
        root.putNull("post_processor");
        root.set("decoder", byteLevel(true));
        ObjectNode model = root.putObject("model");
        model.put("type", "BPE").putNull("dropout").putNull("unk_token");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", false).put("byte_fallback", false);
        ObjectNode vocab = model.putObject("vocab");
        SPECIAL.forEach(token -> vocab.put(token, vocab.size()));
        int other = 256;
        for (int b = 0; b < 256; b++) {
            boolean visible = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xFF && b != 0xAD;
            vocab.put(Character.toString(visible ? b : other++), vocab.size());
        }
        ArrayNode merges = model.putArray("merges");
        for (String merge : MERGES) {
            merges.add(merge);
            vocab.put(merge.replace(" ", ""), vocab.size());
        }
        if (vocab.size() != VOCAB_SIZE) {
            throw new IllegalStateException("the tiny vocabulary has " + vocab.size() + " tokens");
        }
        return root;
    }

    /// tokenizer_config.json
    static ObjectNode config() {
        ObjectNode config = Json.object();
        config.put("tokenizer_class", "PreTrainedTokenizerFast");
        config.put("bos_token", "<s>").put("eos_token", "</s>").put("pad_token", "<pad>");
        config.put(
                "chat_template",
                "{% for m in messages %}{{ m.role }}: {{ m.content }}</s>{% endfor %}"
                        + "{% if add_generation_prompt %}assistant: {% endif %}");
        return config;
    }

    private static ObjectNode byteLevel(boolean prefix) {
        return Json.object()
                .put("type", "ByteLevel")
                .put("add_prefix_space", prefix)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }
}
