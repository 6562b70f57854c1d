package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import dev.quern.core.UnsupportedModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Writes a tokenizer.json and its neighbours as GGUF's `tokenizer.*` keys.
final class GgufMetadata {
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");
    private static final String SPACE_MARK = "\u2581";

    private final Path directory;
    private final JsonNode tokenizer;
    private final JsonNode model;
    private final TokenTable table;
    private final String[] tokens;
    private final TokenType[] types;
    private final Map<String, Object> keys = new LinkedHashMap<>();

    private GgufMetadata(Path directory, JsonNode tokenizer, int modelVocab) {
        this.directory = directory;
        this.tokenizer = tokenizer;
        this.model = tokenizer.path("model");
        this.table = TokenTable.of(tokenizer);
        if (modelVocab > 0 && table.size() > modelVocab) {
            throw new QuernException(directory + ": tokenizer.json has " + table.size()
                    + " tokens but config.json's vocab_size is " + modelVocab
                    + ": the tokenizer belongs to another model");
        }
        int size = Math.max(table.size(), modelVocab);
        this.tokens = new String[size];
        this.types = new TokenType[size];
    }

    static Map<String, Object> of(Path directory) {
        TextFiles files = new TextFiles(directory);
        JsonNode tokenizer = files.tree("tokenizer.json")
                .orElseThrow(() -> new QuernException(directory
                        + ": no tokenizer.json here, so the GGUF file would have no vocabulary; put the model's"
                        + " tokenizer.json beside its config.json"));
        JsonNode config = files.tree("config.json").orElse(tokenizer.path("none"));
        int modelVocab = config.path("vocab_size")
                .asInt(config.path("text_config").path("vocab_size").asInt(0));
        GgufMetadata metadata = new GgufMetadata(directory, tokenizer, modelVocab);
        metadata.write(files);
        return metadata.keys;
    }

    private void write(TextFiles files) {
        SpecialTokens special = SpecialTokens.of(files);
        boolean byteFallback = model.path("byte_fallback").asBoolean(false);
        collect(special.unk(), byteFallback);
        switch (model.path("type").asText("BPE")) {
            case "BPE" -> {
                if (isByteLevel(tokenizer.path("pre_tokenizer"))) {
                    byteLevelBpe();
                } else if (byteFallback) {
                    sentencePieceBpe();
                } else {
                    throw unsupported("a BPE that is neither byte-level nor falls back to bytes");
                }
            }
            case "Unigram" -> unigram();
            default -> throw unsupported("a model of type " + model.path("type"));
        }
        TokenizerFacts facts = TokenizerFacts.ofDirectory(tokenizer, files);
        facts.bos().ifPresent(id -> keys.put("tokenizer.ggml.bos_token_id", (long) id));
        Optional<Integer> eos =
                special.eos().flatMap(table::id).or(() -> facts.eos().stream().findFirst());
        eos.ifPresent(id -> keys.put("tokenizer.ggml.eos_token_id", (long) id));
        facts.eos().stream()
                .filter(id -> !eos.equals(Optional.of(id)) && id < table.size() && TokenizerFacts.endsTurn(tokens[id]))
                .findFirst()
                .ifPresent(id -> keys.put("tokenizer.ggml.eot_token_id", (long) id));
        special.unk().flatMap(table::id).ifPresent(id -> keys.put("tokenizer.ggml.unknown_token_id", (long) id));
        special.pad().flatMap(table::id).ifPresent(id -> keys.put("tokenizer.ggml.padding_token_id", (long) id));
        List<JsonNode> single = template(tokenizer.path("post_processor"));
        int text = single.stream().map(s -> s.has("Sequence")).toList().indexOf(true);
        keys.put("tokenizer.ggml.add_bos_token", text > 0);
        if (text >= 0 && text < single.size() - 1) {
            keys.put("tokenizer.ggml.add_eos_token", true);
        }
        TemplateSource.ofDirectory(directory).ifPresent(t -> keys.put("tokenizer.chat_template", t.text()));
    }

    private void collect(Optional<String> unknown, boolean byteFallback) {
        table.ids().forEach((token, id) -> {
            tokens[id] = token;
            types[id] = byteFallback && BYTE.matcher(token).matches() ? TokenType.BYTE : TokenType.NORMAL;
        });
        boolean byteLevel = isByteLevel(tokenizer.path("pre_tokenizer"));
        for (JsonNode added : tokenizer.path("added_tokens")) {
            int id = added.path("id").asInt();
            String content = added.path("content").asText();
            boolean isUnknown = !byteLevel
                    && content.equals(unknown.orElse(model.path("unk_token").asText("<unk>")));
            types[id] = isUnknown
                    ? TokenType.UNKNOWN
                    : added.path("special").asBoolean(false) ? TokenType.CONTROL : TokenType.USER_DEFINED;
            // llama.cpp looks for these in the raw text, where spaces are still spaces.
            tokens[id] = types[id] == TokenType.USER_DEFINED ? content.replace(SPACE_MARK, " ") : content;
        }
        for (int id = 0; id < tokens.length; id++) {
            if (tokens[id] == null) {
                tokens[id] = "[PAD" + id + "]";
                types[id] = TokenType.UNUSED;
            }
        }
    }

    private void byteLevelBpe() {
        PreTokenizer pre = PreTokenizer.recognise(tokenizer)
                .orElseThrow(() -> unsupported("a pre-tokenizer that GGUF has no name for ("
                        + String.join(" then ", PreTokenizer.cuts(tokenizer.path("pre_tokenizer"))) + ")"));
        vocabulary("gpt2", pre.name());
        List<String> merges = new ArrayList<>();
        for (JsonNode merge : model.path("merges")) {
            merges.add(
                    merge.isArray()
                            ? merge.path(0).asText() + " " + merge.path(1).asText()
                            : merge.asText());
        }
        keys.put("tokenizer.ggml.merges", List.copyOf(merges));
        keys.put("tokenizer.ggml.add_space_prefix", false);
    }

    private void vocabulary(String modelName, String pre) {
        keys.put("tokenizer.ggml.model", modelName);
        keys.put("tokenizer.ggml.pre", pre);
        keys.put("tokenizer.ggml.tokens", List.of(tokens));
        int[] numbers = new int[types.length];
        for (int id = 0; id < numbers.length; id++) {
            numbers[id] = types[id].number();
        }
        keys.put("tokenizer.ggml.token_type", numbers);
    }

    /// A tokenizer.json has merges where llama.cpp wants scores: the earlier a piece is first merged, the better.
    private void sentencePieceBpe() {
        vocabulary("llama", "default");
        Map<String, Integer> rank = new HashMap<>();
        for (JsonNode merge : model.path("merges")) {
            String text = merge.asText();
            int space = text.indexOf(' ', 1);
            String whole = merge.isArray()
                    ? merge.path(0).asText() + merge.path(1).asText()
                    : text.substring(0, Math.max(0, space)) + text.substring(space + 1);
            rank.putIfAbsent(whole, rank.size());
        }
        float[] scores = new float[tokens.length];
        int last = rank.size();
        for (int id = 0; id < scores.length; id++) {
            if (types[id] == TokenType.NORMAL) {
                Integer merged = rank.get(tokens[id]);
                scores[id] = -(merged == null ? last++ : merged);
            } else if (types[id] == TokenType.UNUSED || types[id] == TokenType.USER_DEFINED) {
                scores[id] = -1000f;
            }
        }
        keys.put("tokenizer.ggml.scores", scores);
        keys.put("tokenizer.ggml.add_space_prefix", prependsSpace());
    }

    private void unigram() {
        vocabulary("t5", "default");
        float[] scores = new float[tokens.length];
        for (int id = 0; id < model.path("vocab").size(); id++) {
            scores[id] = (float) model.path("vocab").path(id).path(1).asDouble();
        }
        keys.put("tokenizer.ggml.scores", scores);
        keys.put("tokenizer.ggml.add_space_prefix", prependsSpace());
        keys.put(
                "tokenizer.ggml.remove_extra_whitespaces",
                tokenizer.path("normalizer").toString().contains("{2,}"));
        JsonNode charsmap = tokenizer.path("normalizer").findValue("precompiled_charsmap");
        if (charsmap != null && charsmap.isTextual()) {
            keys.put("tokenizer.ggml.precompiled_charsmap", Base64.getDecoder().decode(charsmap.textValue()));
        }
    }

    private boolean prependsSpace() {
        for (JsonNode step : steps(tokenizer.path("normalizer"), "normalizers")) {
            if (step.path("type").asText().equals("Prepend")) {
                return true;
            }
        }
        for (JsonNode step : steps(tokenizer.path("pre_tokenizer"), "pretokenizers")) {
            if (step.path("type").asText().equals("Metaspace")) {
                return !step.path("prepend_scheme").asText("always").equals("never")
                        && step.path("add_prefix_space").asBoolean(true);
            }
        }
        return false;
    }

    private static boolean isByteLevel(JsonNode preTokenizer) {
        return steps(preTokenizer, "pretokenizers").stream()
                .anyMatch(step -> step.path("type").asText().equals("ByteLevel"));
    }

    private static List<JsonNode> template(JsonNode postProcessor) {
        for (JsonNode step : steps(postProcessor, "processors")) {
            if (step.path("type").asText().equals("TemplateProcessing")) {
                List<JsonNode> single = new ArrayList<>();
                step.path("single").forEach(single::add);
                return single;
            }
        }
        return List.of();
    }

    /// A step, or the steps of a sequence of them.
    private static List<JsonNode> steps(@Nullable JsonNode step, String key) {
        List<JsonNode> steps = new ArrayList<>();
        if (step != null && step.path("type").asText().equals("Sequence")) {
            step.path(key).forEach(inner -> steps.addAll(steps(inner, key)));
        } else if (step != null) {
            steps.add(step);
        }
        return steps;
    }

    private UnsupportedModelException unsupported(String what) {
        return new UnsupportedModelException(directory.resolve("tokenizer.json") + ": " + what
                + " cannot be written to GGUF so that llama.cpp reads it; convert to safetensors instead");
    }
}
