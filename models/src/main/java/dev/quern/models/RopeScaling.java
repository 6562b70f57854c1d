package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.UnsupportedModelException;
import java.util.Set;

/// Frequencies of the rotary embedding from a config's `rope_theta` and `rope_scaling`, or `rope_parameters` where a
/// newer library wrote the file.
///
/// Kinds: `default`, `linear` (positions divided by a factor), `dynamic` (NTK base that grows past the trained
/// length), `llama3` (low frequencies slowed, high kept, a ramp between), `yarn` (arXiv:2309.00071).
final class RopeScaling {
    static final Set<String> KINDS = Set.of("default", "linear", "dynamic", "llama3", "yarn");

    private RopeScaling() {}

    /// The object that holds the kind and its numbers; a missing node where there is none. `layerType` picks one where
    /// the file has an object for each type of layer.
    static JsonNode parameters(JsonNode config, String layerType) {
        JsonNode parameters = config.path("rope_parameters");
        if (parameters.path(layerType).isObject()) {
            return parameters.path(layerType);
        }
        return parameters.isObject() ? parameters : config.path("rope_scaling");
    }

    /// The kind's name; older files say `type`.
    static String kind(JsonNode parameters) {
        return parameters.path("rope_type").asText(parameters.path("type").asText("default"));
    }

    /// The rotary embedding of the whole model.
    static Rope of(JsonNode config, int headDim, double defaultBase) {
        JsonNode parameters = parameters(config, "full_attention");
        double base = base(config, defaultBase);
        return of(
                parameters,
                headDim,
                base,
                config.path("max_position_embeddings").asInt(2048));
    }

    /// The base of the frequencies; of layers with full attention where the file tells two kinds apart.
    static double base(JsonNode config, double defaultBase) {
        return parameters(config, "full_attention")
                .path("rope_theta")
                .asDouble(config.path("rope_theta").asDouble(defaultBase));
    }

    /// The rotary embedding that `parameters` describe over `base`.
    static Rope of(JsonNode parameters, int headDim, double base, int maxPositions) {
        double[] plain = plain(base, headDim);
        double factor = parameters.path("factor").asDouble(1);
        return switch (kind(parameters)) {
            case "default" -> new Rope(headDim, plain, 1);
            case "linear" -> new Rope(headDim, divided(plain, factor), 1);
            case "dynamic" -> new Rope(headDim, plain, 1, new Rope.Stretch(base, factor, maxPositions));
            case "llama3" -> new Rope(headDim, llama3(plain, factor, parameters), 1);
            case "yarn" -> yarn(parameters, headDim, base, maxPositions);
            default ->
                throw new UnsupportedModelException(
                        "config.json: rope type " + kind(parameters) + "; known are " + String.join(", ", KINDS));
        };
    }

    /// `base^(−2i / headDim)`.
    static double[] plain(double base, int headDim) {
        double[] frequencies = new double[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = Math.pow(base, -2.0 * i / headDim);
        }
        return frequencies;
    }

    private static double[] divided(double[] plain, double factor) {
        double[] frequencies = new double[plain.length];
        for (int i = 0; i < plain.length; i++) {
            frequencies[i] = plain[i] / factor;
        }
        return frequencies;
    }

    private static double[] llama3(double[] plain, double factor, JsonNode parameters) {
        double low = parameters.path("low_freq_factor").asDouble(1);
        double high = parameters.path("high_freq_factor").asDouble(4);
        double trained = parameters.path("original_max_position_embeddings").asDouble(8192);
        double[] frequencies = new double[plain.length];
        for (int i = 0; i < plain.length; i++) {
            double turns = trained * plain[i] / (2 * Math.PI);
            double keep = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
            frequencies[i] = keep * plain[i] + (1 - keep) * plain[i] / factor;
        }
        return frequencies;
    }

    private static Rope yarn(JsonNode parameters, int headDim, double base, int maxPositions) {
        double trained = parameters.path("original_max_position_embeddings").asDouble(maxPositions);
        double factor = parameters.path("factor").asDouble(maxPositions / trained);
        double first = turningPoint(parameters.path("beta_fast").asDouble(32), headDim, base, trained);
        double last = turningPoint(parameters.path("beta_slow").asDouble(1), headDim, base, trained);
        if (parameters.path("truncate").asBoolean(true)) {
            first = Math.floor(first);
            last = Math.ceil(last);
        }
        first = Math.max(first, 0);
        last = Math.min(last, headDim - 1.0);
        double width = last == first ? 0.001 : last - first;
        double[] plain = plain(base, headDim);
        double[] frequencies = new double[plain.length];
        for (int i = 0; i < plain.length; i++) {
            double slowed = Math.clamp((i - first) / width, 0.0, 1.0);
            frequencies[i] = slowed * plain[i] / factor + (1 - slowed) * plain[i];
        }
        return new Rope(headDim, frequencies, (float) yarnAttention(parameters, factor));
    }

    /// The dimension whose pair makes `turns` turns over the trained length (arXiv:2309.00071, eq. 17).
    private static double turningPoint(double turns, int headDim, double base, double trained) {
        return headDim * Math.log(trained / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }

    private static double yarnAttention(JsonNode parameters, double factor) {
        if (parameters.path("attention_factor").isNumber()) {
            return parameters.path("attention_factor").asDouble();
        }
        double one = parameters.path("mscale").asDouble(0);
        double all = parameters.path("mscale_all_dim").asDouble(0);
        if (one != 0 && all != 0) {
            return mscale(factor, one) / mscale(factor, all);
        }
        return mscale(factor, 1);
    }

    private static double mscale(double factor, double weight) {
        return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
    }
}
