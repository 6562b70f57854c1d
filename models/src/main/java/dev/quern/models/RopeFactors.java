package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.formats.Json;
import java.util.Optional;

/// The llama3 kind of rope scaling as GGUF holds it: a tensor with the divisor of each frequency.
final class RopeFactors {
    static final String TENSOR = "rope_freqs.weight";

    /// The ramp's ends in every model that uses this kind; the tensor does not tell them apart from the trained length.
    private static final double LOW = 1;

    private static final double HIGH = 4;
    private static final double CLOSE = 1e-5;

    private RopeFactors() {}

    /// The divisors `[headDim / 2]` where `config` scales by llama3's rule.
    static Optional<float[]> of(Architecture architecture, JsonNode config) {
        if (!RopeScaling.kind(RopeScaling.parameters(config, "full_attention")).equals("llama3")) {
            return Optional.empty();
        }
        int headDim = architecture.network(config).config().headDim();
        double base = RopeScaling.base(config, architecture.defaultRopeBase());
        double[] plain = RopeScaling.plain(base, headDim);
        double[] scaled = RopeScaling.of(config, headDim, base).frequencies();
        float[] factors = new float[plain.length];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = (float) (plain[i] / scaled[i]);
        }
        return Optional.of(factors);
    }

    /// The `rope_scaling` object that gives these divisors; empty where llama3's rule does not.
    static Optional<ObjectNode> scaling(float[] factors, double base) {
        int headDim = 2 * factors.length;
        double factor = 1;
        for (float f : factors) {
            factor = Math.max(factor, f);
        }
        double[] plain = RopeScaling.plain(base, headDim);
        for (int i = 0; i < factors.length; i++) {
            double keep = factor == 1 ? 1 : (1 / factors[i] - 1 / factor) / (1 - 1 / factor);
            boolean ramp = keep > CLOSE && keep < 1 - CLOSE;
            // without a pair on the ramp, any length between the two ends' will do: the first slowed pair's is one
            if (ramp || keep <= CLOSE || i == factors.length - 1) {
                double turns = ramp ? keep * (HIGH - LOW) + LOW : LOW;
                ObjectNode scaling = llama3(factor, Math.round(turns * 2 * Math.PI / plain[i]));
                return matches(scaling, factors, base) ? Optional.of(scaling) : Optional.empty();
            }
        }
        return Optional.empty();
    }

    private static ObjectNode llama3(double factor, long trained) {
        ObjectNode scaling = Json.object();
        scaling.put("rope_type", "llama3").put("factor", factor);
        scaling.put("low_freq_factor", LOW).put("high_freq_factor", HIGH);
        return scaling.put("original_max_position_embeddings", trained);
    }

    private static boolean matches(ObjectNode scaling, float[] factors, double base) {
        int headDim = 2 * factors.length;
        double[] plain = RopeScaling.plain(base, headDim);
        double[] scaled = RopeScaling.of(scaling, headDim, base, 1).frequencies();
        for (int i = 0; i < factors.length; i++) {
            if (Math.abs(plain[i] / scaled[i] / factors[i] - 1) > 1e-3) {
                return false;
            }
        }
        return true;
    }
}
