package dev.quern.text;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Builds the tokenizer.json that does what a GGUF file's `tokenizer.ggml.*` keys describe.
///
/// Three kinds exist: byte-level BPE (`gpt2`), SentencePiece's BPE (`llama`), whose merges follow from the scores, and
/// SentencePiece's Unigram (`t5`).
final class TokenizerJson {
    private static final System.Logger LOG = System.getLogger(TokenizerJson.class.getName());
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String SPACE_MARK = "\u2581";

    private final GgufTokens tokens;
    private final ObjectNode root = JSON.objectNode();

    private TokenizerJson(GgufTokens tokens) {
        this.tokens = tokens;
    }

    static ObjectNode of(GgufTokens tokens) {
        TokenizerJson json = new TokenizerJson(tokens);
        json.root.put("version", "1.0").putNull("truncation").putNull("padding");
        json.addedTokens();
        String model = tokens.string("model")
                .orElseThrow(() -> new QuernException("GGUF metadata: no tokenizer.ggml.model, so how its "
                        + tokens.size() + " tokens are used is unknown"));
        switch (model) {
            case "gpt2" -> json.byteLevelBpe();
            case "llama" -> json.sentencePieceBpe();
            case "t5" -> json.unigram();
            default ->
                throw new UnsupportedModelException("GGUF metadata: tokenizer.ggml.model is \"" + model
                        + "\"; known are gpt2 (byte-level BPE), llama (SentencePiece BPE) and t5 (Unigram)");
        }
        return json.root;
    }

    /// Control tokens are special; user-defined ones are found in text as a whole but are ordinary otherwise.
    private void addedTokens() {
        Set<Integer> special = new HashSet<>();
        for (String name : List.of("bos", "eos", "eot", "eom")) {
            tokens.special(name).ifPresent(special::add);
        }
        ArrayNode added = root.putArray("added_tokens");
        for (int id = 0; id < tokens.size(); id++) {
            TokenType type = tokens.type(id);
            boolean isSpecial = type == TokenType.CONTROL || type == TokenType.UNKNOWN || special.contains(id);
            if (isSpecial || type == TokenType.USER_DEFINED) {
                added.addObject()
                        .put("id", id)
                        .put("content", tokens.token(id))
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", isSpecial);
            }
        }
    }

    private void byteLevelBpe() {
        String name = tokens.string("pre").orElse("default");
        PreTokenizer pre = PreTokenizer.named(name)
                .orElseThrow(() -> new UnsupportedModelException("GGUF metadata: tokenizer.ggml.pre \"" + name
                        + "\" is not known, so its text would be cut wrongly; known are "
                        + String.join(", ", PreTokenizer.names())));
        if (tokens.string("pre").isEmpty()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "GGUF metadata names no tokenizer.ggml.pre: text is cut as llama.cpp does by default, which may"
                            + " differ from the model's own tokenizer");
        }
        if (pre.nfc()) {
            root.putObject("normalizer").put("type", "NFC");
        } else {
            root.putNull("normalizer");
        }
        root.set("pre_tokenizer", pre.toJson());
        postProcessor(pre.addBos(), false);
        root.set("decoder", PreTokenizer.byteLevel(true).put("add_prefix_space", true));
        ObjectNode model = bpe(null, false, pre.ignoreMerges());
        vocabulary(model);
        ArrayNode merges = model.putArray("merges");
        for (Object merge : tokens.list("merges").orElse(List.of())) {
            String pair = String.valueOf(merge);
            int space = pair.indexOf(' ', 1);
            if (space < 0) {
                throw new QuernException("GGUF metadata: tokenizer.ggml.merges has \"" + pair
                        + "\", which is no pair; the file is damaged, fetch it again");
            }
            merges.addArray().add(pair.substring(0, space)).add(pair.substring(space + 1));
        }
    }

    private void sentencePieceBpe() {
        boolean prefix = tokens.flag("add_space_prefix", true);
        ArrayNode normalizers = JSON.arrayNode();
        if (prefix) {
            normalizers.addObject().put("type", "Prepend").put("prepend", SPACE_MARK);
        }
        normalizers.add(replace(" ", SPACE_MARK));
        root.set("normalizer", sequence("normalizers", normalizers));
        root.putNull("pre_tokenizer");
        postProcessor(true, false);
        ArrayNode decoders = JSON.arrayNode();
        decoders.add(replace(SPACE_MARK, " "));
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        if (prefix) {
            decoders.addObject()
                    .put("type", "Strip")
                    .put("content", " ")
                    .put("start", 1)
                    .put("stop", 0);
        }
        root.set("decoder", sequence("decoders", decoders));
        OptionalInt unknown = unknown();
        ObjectNode model = bpe(unknown.isPresent() ? tokens.token(unknown.getAsInt()) : null, hasBytes(), false);
        vocabulary(model);
        ArrayNode merges = model.putArray("merges");
        for (SentencePieceMerges.Merge merge : SentencePieceMerges.of(tokens)) {
            merges.addArray().add(merge.left()).add(merge.right());
        }
    }

    private void unigram() {
        ArrayNode normalizers = JSON.arrayNode();
        tokens.list("precompiled_charsmap")
                .filter(map -> !map.isEmpty())
                .ifPresent(map -> normalizers
                        .addObject()
                        .put("type", "Precompiled")
                        .put("precompiled_charsmap", Base64.getEncoder().encodeToString(bytes(map))));
        if (tokens.flag("remove_extra_whitespaces", false)) {
            normalizers
                    .addObject()
                    .put("type", "Strip")
                    .put("strip_left", false)
                    .put("strip_right", true);
            ObjectNode runs = normalizers.addObject().put("type", "Replace");
            runs.putObject("pattern").put("Regex", " {2,}");
            runs.put("content", SPACE_MARK);
        }
        root.set("normalizer", normalizers.isEmpty() ? JSON.nullNode() : sequence("normalizers", normalizers));
        String scheme = tokens.flag("add_space_prefix", true) ? "always" : "never";
        root.set("pre_tokenizer", metaspace(scheme));
        postProcessor(false, true);
        ArrayNode decoders = JSON.arrayNode();
        decoders.addObject().put("type", "ByteFallback");
        decoders.add(metaspace(scheme));
        root.set("decoder", hasBytes() ? sequence("decoders", decoders) : metaspace(scheme));
        ObjectNode model = root.putObject("model").put("type", "Unigram");
        unknown().ifPresentOrElse(id -> model.put("unk_id", id), () -> model.putNull("unk_id"));
        ArrayNode vocab = model.putArray("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocab.addArray().add(tokens.token(id)).add(tokens.score(id));
        }
        model.put("byte_fallback", hasBytes());
    }

    private ObjectNode bpe(@Nullable String unknown, boolean byteFallback, boolean ignoreMerges) {
        return root.putObject("model")
                .put("type", "BPE")
                .putNull("dropout")
                .put("unk_token", unknown)
                .putNull("continuing_subword_prefix")
                .putNull("end_of_word_suffix")
                .put("fuse_unk", unknown != null)
                .put("byte_fallback", byteFallback)
                .put("ignore_merges", ignoreMerges);
    }

    /// Unused tokens stay out (no text may become one); of two alike the first counts, as no text can become both.
    private void vocabulary(ObjectNode model) {
        ObjectNode vocab = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            if (tokens.type(id) != TokenType.UNUSED && !vocab.has(tokens.token(id))) {
                vocab.put(tokens.token(id), id);
            }
        }
    }

    private void postProcessor(boolean bosByDefault, boolean eosByDefault) {
        List<Integer> before = new ArrayList<>();
        List<Integer> after = new ArrayList<>();
        if (tokens.flag("add_bos_token", bosByDefault)) {
            tokens.special("bos").ifPresent(before::add);
        }
        if (tokens.flag("add_eos_token", eosByDefault)) {
            tokens.special("eos").ifPresent(after::add);
        }
        if (before.isEmpty() && after.isEmpty()) {
            root.putNull("post_processor");
            return;
        }
        ObjectNode template = root.putObject("post_processor").put("type", "TemplateProcessing");
        ArrayNode single = template.putArray("single");
        ArrayNode pair = template.putArray("pair");
        Map<Integer, String> used = new HashMap<>();
        for (ArrayNode into : List.of(single, pair)) {
            for (int sequence = 0; sequence < (into == pair ? 2 : 1); sequence++) {
                before.forEach(id -> used.put(id, specialToken(into, id)));
                into.addObject()
                        .putObject("Sequence")
                        .put("id", sequence == 0 ? "A" : "B")
                        .put("type_id", sequence);
                after.forEach(id -> used.put(id, specialToken(into, id)));
            }
        }
        ObjectNode special = template.putObject("special_tokens");
        used.forEach((id, token) -> {
            ObjectNode entry = special.putObject(token).put("id", token);
            entry.putArray("ids").add(id);
            entry.putArray("tokens").add(token);
        });
    }

    private String specialToken(ArrayNode into, int id) {
        into.addObject().putObject("SpecialToken").put("id", tokens.token(id)).put("type_id", 0);
        return tokens.token(id);
    }

    private OptionalInt unknown() {
        OptionalInt named = tokens.special("unknown");
        for (int id = 0; id < tokens.size() && named.isEmpty(); id++) {
            if (tokens.type(id) == TokenType.UNKNOWN) {
                named = OptionalInt.of(id);
            }
        }
        return named;
    }

    private boolean hasBytes() {
        for (int id = 0; id < tokens.size(); id++) {
            if (tokens.type(id) == TokenType.BYTE) {
                return true;
            }
        }
        return false;
    }

    private static byte[] bytes(List<?> list) {
        byte[] bytes = new byte[list.size()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = list.get(i) instanceof Number n ? n.byteValue() : 0;
        }
        return bytes;
    }

    private static ObjectNode replace(String what, String with) {
        ObjectNode replace = JSON.objectNode().put("type", "Replace");
        replace.putObject("pattern").put("String", what);
        return replace.put("content", with);
    }

    private static ObjectNode metaspace(String scheme) {
        return JSON.objectNode()
                .put("type", "Metaspace")
                .put("replacement", SPACE_MARK)
                .put("prepend_scheme", scheme)
                .put("split", true);
    }

    private static ObjectNode sequence(String key, ArrayNode steps) {
        return JSON.objectNode().put("type", "Sequence").set(key, steps);
    }
}
