package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// One model family: how its config.json reads, what network it describes, what GGUF calls its parts.
public interface Architecture {
    /// The family's name, for instance `llama`.
    String name();

    /// Values of `architectures[0]` in config.json that mean this family.
    Set<String> huggingFaceNames();

    /// Value of `model_type` in config.json.
    default String huggingFaceType() {
        return name();
    }

    /// Value of `general.architecture` in a GGUF file that means this family.
    String ggufName();

    /// True where GGUF files of this family hold q and k rows for interleaved rotary pairs (llama.cpp's convention for
    /// the llama architecture), so that rows must be permuted on the way in and out.
    boolean ggufPermutesQk();

    /// What GGUF files of this family add to norm weights compared with Hugging Face's.
    default float ggufNormOffset() {
        return 0;
    }

    /// The base of the rotary embedding where config.json names none.
    default double defaultRopeBase() {
        return 10_000;
    }

    /// Names of a layer's modules that GGUF spells in this family's own way; `GgufNames` has the common ones.
    default Map<String, String> ggufLayerNames() {
        return Map.of();
    }

    /// What `config` asks for that Quern lacks, a few words each; empty where the model runs.
    default List<String> missing(JsonNode config) {
        List<String> missing = new ArrayList<>();
        String rope = RopeScaling.kind(RopeScaling.parameters(config, "full_attention"));
        if (!RopeScaling.KINDS.contains(rope)) {
            missing.add("rope type " + rope);
        }
        double rotary = RopeScaling.parameters(config, "full_attention")
                .path("partial_rotary_factor")
                .asDouble(config.path("partial_rotary_factor").asDouble(1));
        if (rotary != 1) {
            missing.add("partial_rotary_factor " + rotary);
        }
        String activation = config.path("hidden_act")
                .asText(config.path("hidden_activation").asText("silu"));
        if (!Dimensions.ACTIVATIONS.containsKey(activation) && config.hasNonNull("hidden_act")) {
            missing.add("activation " + activation);
        }
        for (String key : new String[] {"num_local_experts", "num_experts", "n_routed_experts"}) {
            if (config.path(key).asInt(0) > 1) {
                missing.add("mixture of experts (" + key + " " + config.path(key) + ")");
            }
        }
        return missing;
    }

    /// The network that `config` (a Hugging Face config.json) describes; throws a `QuernException` naming the key that
    /// is missing or wrong, or what it asks for that Quern lacks.
    Network network(JsonNode config);
}
