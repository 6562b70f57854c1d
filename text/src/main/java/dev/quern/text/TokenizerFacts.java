package dev.quern.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/// What a tokenizer's neighbours say about it: how many tokens, which begin a text and which end an answer.
///
/// Every file may name an end: a chat model's generation_config.json often lists more than its tokenizer does, so the
/// ends are the union.
record TokenizerFacts(int vocabSize, OptionalInt bos, Set<Integer> eos) {
    /// Control tokens by which chat models end a turn, for GGUF files that name a single end.
    private static final Set<String> TURN_ENDS = Set.of(
            "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>", "<end_of_turn>");

    TokenizerFacts {
        eos = Collections.unmodifiableSet(new LinkedHashSet<>(eos));
    }

    static TokenizerFacts ofDirectory(JsonNode tokenizer, TextFiles files) {
        TokenTable table = TokenTable.of(tokenizer);
        SpecialTokens special = SpecialTokens.of(files);
        Set<Integer> eos = new LinkedHashSet<>();
        special.eos().flatMap(table::id).ifPresent(eos::add);
        OptionalInt bos = OptionalInt.empty();
        Optional<Integer> named = special.bos().flatMap(table::id);
        if (named.isPresent()) {
            bos = OptionalInt.of(named.get());
        }
        for (String name : new String[] {"generation_config.json", "config.json"}) {
            JsonNode config = files.tree(name).orElse(null);
            if (config == null) {
                continue;
            }
            JsonNode text = config.path("text_config");
            addAll(eos, config.path("eos_token_id"));
            addAll(eos, text.path("eos_token_id"));
            JsonNode id = config.has("bos_token_id") ? config.path("bos_token_id") : text.path("bos_token_id");
            if (bos.isEmpty() && id.canConvertToInt() && id.isInt() && id.intValue() < table.size()) {
                bos = OptionalInt.of(id.intValue());
            }
        }
        return new TokenizerFacts(table.size(), bos, eos);
    }

    static boolean endsTurn(String token) {
        return TURN_ENDS.contains(token);
    }

    private static void addAll(Set<Integer> into, JsonNode ids) {
        if (ids.isInt()) {
            into.add(ids.intValue());
        } else if (ids.isArray()) {
            ids.forEach(id -> addAll(into, id));
        }
    }

    static TokenizerFacts ofGguf(Map<String, Object> metadata) {
        GgufTokens tokens = GgufTokens.of(metadata);
        Set<Integer> eos = new LinkedHashSet<>();
        for (String key : new String[] {"eos", "eot", "eom"}) {
            tokens.special(key).ifPresent(eos::add);
        }
        for (int id = 0; id < tokens.size(); id++) {
            if (tokens.type(id) == TokenType.CONTROL && TURN_ENDS.contains(tokens.token(id))) {
                eos.add(id);
            }
        }
        return new TokenizerFacts(tokens.size(), tokens.special("bos"), eos);
    }
}
