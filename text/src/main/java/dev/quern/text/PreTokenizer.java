package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// How byte-level BPE cuts text into words before it merges: the regular expressions, applied one after the other, and
/// the name by which GGUF files mean them (`tokenizer.ggml.pre`).
///
/// `aliases` are names that other models use for the same cutting. `ignoreMerges`: a whole word that is a token is
/// taken as it is. `addBos`: llama.cpp begins texts with the beginning token unless the file says otherwise. `nfc`: the
/// text is composed first.
record PreTokenizer(
        String name, Set<String> aliases, List<String> cuts, boolean ignoreMerges, boolean addBos, boolean nfc) {
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String REST = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
    private static final String DIGIT = "\\p{N}";

    /// What the byte-level pre-tokenizer does by itself.
    private static final String GPT2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    private static final String LLAMA3 = CONTRACTIONS + "|" + WORD + "|\\p{N}{1,3}|" + REST;
    private static final String QWEN2 = CONTRACTIONS + "|" + WORD + "|" + DIGIT + "|" + REST;

    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String CASED_START = "[^\\r\\n\\p{L}\\p{N}]?";
    private static final String SLASH_REST = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String TEKKEN = CASED_START + UPPER + "*" + LOWER + "+|" + CASED_START + UPPER + "+" + LOWER
            + "*|" + DIGIT + "|" + SLASH_REST;
    private static final String GPT4O = CASED_START + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?|" + CASED_START
            + UPPER + "+" + LOWER + "*" + CONTRACTIONS + "?|\\p{N}{1,3}|" + SLASH_REST;

    private static final String HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
    private static final String BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";
    private static final String LATIN_WORD = "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf"
            + "\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c"
            + "\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd"
            + "\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45"
            + "\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4"
            + "\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113"
            + "\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e"
            + "\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f"
            + "\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a"
            + "\ud801\udc00-\ud801\udc4f\ud801\udcb0-\ud801\udcd3\ud801\udcd8-\ud801\udcfb\ud803\udc80-\ud803\udcb2"
            + "\ud803\udcc0-\ud803\udcf2\ud806\udca0-\ud806\udcdf\ud83a\udd00-\ud83a\udd43]+";

    /// The first entry whose cutting fits names a tokenizer.json; any name or alias finds its entry.
    static final List<PreTokenizer> ALL = List.of(
            of("gpt-2", GPT2)
                    .alias("phi-2", "mpt", "olmo", "jais", "trillion", "jina-es", "jina-de", "jina-v2-es")
                    .alias("jina-v2-de", "gigachat", "a.x-4.0", "mellum", "granite-docling"),
            of("llama-bpe", LLAMA3)
                    .wholeWords()
                    .bos()
                    .alias("llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"),
            of("smaug-bpe", LLAMA3).alias("dbrx", "chatglm-bpe", "glm4"),
            of("qwen2", QWEN2).composed().alias("deepseek-r1-qwen", "kormo", "megrez"),
            of("stablelm2", QWEN2).alias("hunyuan", "solar"),
            of("smollm", DIGIT, GPT2).alias("starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"),
            of(
                    "deepseek-llm",
                    "[\\r\\n]",
                    LATIN_WORD,
                    "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
                    "\\s+$",
                    HAN,
                    "\\p{N}+"),
            of("deepseek-coder", "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", HAN, DIGIT),
            of(
                            "deepseek-v3",
                            "\\p{N}{1,3}",
                            "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
                            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                                    + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")
                    .alias("hunyuan-dense"),
            of("tekken", TEKKEN).wholeWords().bos(),
            of("gpt-4o", GPT4O).alias("llama4", "kanana2"),
            of("falcon", "[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"),
            of("default", "[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"),
            of("bloom", BLOOM).alias("poro-chat", "gpt3-finnish"),
            of("viking", BLOOM, DIGIT));

    private static PreTokenizer of(String name, String... cuts) {
        return new PreTokenizer(name, Set.of(), List.of(cuts), false, false, false);
    }

    private PreTokenizer alias(String... names) {
        Set<String> all = new TreeSet<>(aliases);
        all.addAll(List.of(names));
        return new PreTokenizer(name, all, cuts, ignoreMerges, addBos, nfc);
    }

    private PreTokenizer wholeWords() {
        return new PreTokenizer(name, aliases, cuts, true, addBos, nfc);
    }

    private PreTokenizer bos() {
        return new PreTokenizer(name, aliases, cuts, ignoreMerges, true, nfc);
    }

    private PreTokenizer composed() {
        return new PreTokenizer(name, aliases, cuts, ignoreMerges, addBos, true);
    }

    static Optional<PreTokenizer> named(String name) {
        return ALL.stream()
                .filter(p -> p.name.equals(name) || p.aliases.contains(name))
                .findFirst();
    }

    static Set<String> names() {
        Set<String> names = new TreeSet<>();
        for (PreTokenizer p : ALL) {
            names.add(p.name);
            names.addAll(p.aliases);
        }
        return names;
    }

    /// The entry that does what a byte-level tokenizer.json does; empty where none cuts alike.
    static Optional<PreTokenizer> recognise(JsonNode tokenizer) {
        List<String> cuts = cuts(tokenizer.path("pre_tokenizer"));
        boolean ignoreMerges = tokenizer.path("model").path("ignore_merges").asBoolean(false);
        boolean nfc = tokenizer.path("normalizer").path("type").asText().equals("NFC");
        Optional<PreTokenizer> exact = ALL.stream()
                .filter(p -> p.cuts.equals(cuts) && p.ignoreMerges == ignoreMerges && p.nfc == nfc)
                .findFirst();
        // Without composition and shortcuts the same words arise; both matter for rare text only.
        return exact.or(() ->
                ALL.stream().filter(p -> p.cuts.equals(cuts) && !p.ignoreMerges).findFirst());
    }

    /// The `pre_tokenizer` of tokenizer.json.
    JsonNode toJson() {
        ArrayNode steps = JsonNodeFactory.instance.arrayNode();
        boolean byteLevelCuts = cuts.getLast().equals(GPT2);
        for (String cut : byteLevelCuts ? cuts.subList(0, cuts.size() - 1) : cuts) {
            steps.add(cut.equals(DIGIT) ? digits() : split(cut));
        }
        steps.add(byteLevel(byteLevelCuts));
        if (steps.size() == 1) {
            return steps.get(0);
        }
        return JsonNodeFactory.instance.objectNode().put("type", "Sequence").set("pretokenizers", steps);
    }

    private static ObjectNode digits() {
        return JsonNodeFactory.instance.objectNode().put("type", "Digits").put("individual_digits", true);
    }

    private static ObjectNode split(String regex) {
        ObjectNode split = JsonNodeFactory.instance.objectNode().put("type", "Split");
        split.putObject("pattern").put("Regex", regex);
        return split.put("behavior", "Isolated").put("invert", false);
    }

    static ObjectNode byteLevel(boolean useRegex) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", useRegex);
    }

    /// The cuts of a `pre_tokenizer`, each in the spelling used here; a step that is none appears as its JSON, so that
    /// it equals no entry.
    static List<String> cuts(JsonNode step) {
        List<String> cuts = new ArrayList<>();
        switch (step.path("type").asText()) {
            case "Sequence" -> step.path("pretokenizers").forEach(s -> cuts.addAll(cuts(s)));
            case "ByteLevel" -> {
                if (step.path("add_prefix_space").asBoolean(false)) {
                    cuts.add(step.toString());
                } else if (step.path("use_regex").asBoolean(true)) {
                    cuts.add(GPT2);
                }
            }
            case "Digits" -> cuts.add(step.path("individual_digits").asBoolean(false) ? DIGIT : "\\p{N}+");
            case "Split" ->
                cuts.add(
                        isolates(step)
                                ? spelling(step.path("pattern").path("Regex").asText())
                                : step.toString());
            default -> cuts.add(step.toString());
        }
        return cuts;
    }

    /// Keeping the matches and dropping the rest is the same where the expression matches everything, as these do.
    private static boolean isolates(JsonNode split) {
        String behavior = split.path("behavior").asText();
        boolean invert = split.path("invert").asBoolean(false);
        return split.path("pattern").has("Regex")
                && ((behavior.equals("Isolated") && !invert) || (behavior.equals("Removed") && invert));
    }

    private static String spelling(String regex) {
        return regex.replace("(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", CONTRACTIONS);
    }
}
