package dev.quern.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Json;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class RopeScalingTest {
    private static JsonNode json(String text) {
        return Json.parse(Path.of("config.json"), text);
    }

    @Test
    void linearScalingDividesEveryFrequency() {
        Rope rope = RopeScaling.of(
                json("{\"rope_theta\": 10000, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}"), 64, 1);
        assertThat(rope.frequencies()[0]).isCloseTo(0.25, within(1e-12));
        assertThat(rope.frequencies()[16]).isCloseTo(0.01 / 4, within(1e-12));
    }

    @Test
    void newerFilesKeepTheBaseAmongTheParameters() {
        Rope rope =
                RopeScaling.of(json("{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 100}}"), 4, 1);
        assertThat(rope.frequencies()).containsExactly(1, 0.1);
    }

    @Test
    void llama3KeepsFastTurnsAndSlowsLongOnes() {
        Rope rope = RopeScaling.of(json("""
                        {"rope_theta": 500000, "rope_scaling": {"rope_type": "llama3", "factor": 8,
                         "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}}"""), 128, 1);
        double[] plain = RopeScaling.plain(500_000, 128);
        assertThat(rope.frequencies()[0]).isEqualTo(1);
        assertThat(rope.frequencies()[63]).isCloseTo(plain[63] / 8, within(1e-15));
        // pair 32 turns 8192 · 500000^(−1/2) / 2π = 1.8438 times: (1.8438 − 1) / 3 of the way
        double keep = (8192 * plain[32] / (2 * Math.PI) - 1) / 3;
        assertThat(keep).isCloseTo(0.2813, within(1e-3));
        assertThat(rope.frequencies()[32]).isCloseTo(plain[32] * (keep + (1 - keep) / 8), within(1e-15));
    }

    @Test
    void dynamicScalingStartsPastTheTrainedLength() {
        Rope rope = RopeScaling.of(json("""
                        {"rope_theta": 10000, "max_position_embeddings": 16,
                         "rope_scaling": {"rope_type": "dynamic", "factor": 2}}"""), 8, 1);
        assertThat(rope.frequencies(16)).isEqualTo(RopeScaling.plain(10_000, 8));
        // 2 · 32 / 16 − 1 = 3, base · 3^(8/6)
        assertThat(rope.frequencies(32)).isEqualTo(RopeScaling.plain(10_000 * Math.pow(3, 8.0 / 6), 8));
    }

    @Test
    void yarnMixesBothEndsAndRaisesAttention() {
        Rope rope = RopeScaling.of(json("""
                        {"rope_theta": 10000, "max_position_embeddings": 131072, "rope_scaling":
                         {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 32768}}"""), 128, 1);
        double[] plain = RopeScaling.plain(10_000, 128);
        assertThat(rope.frequencies()[0]).isEqualTo(plain[0]);
        assertThat(rope.frequencies()[63]).isCloseTo(plain[63] / 4, within(1e-15));
        assertThat(rope.attentionFactor()).isCloseTo((float) (0.1 * Math.log(4) + 1), within(1e-6f));
    }
}
