package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Methods, their keys, recipes of them, and calibration text.
final class RecipeTest {
    @Test
    void everyMethodHasAnOwnNameAndDocumentedKeysWithValidDefaults() {
        assertThat(Methods.names()).doesNotHaveDuplicates().contains("rtn", "gptq");
        for (Method<?> method : Methods.ALL) {
            assertThat(method.summary()).isNotBlank();
            assertThat(ConfigKeys.defaults(method.configType())).isNotNull();
            for (ConfigKey key : ConfigKeys.of(method.configType())) {
                assertThat(key.doc()).isNotBlank();
                assertThat(key.name()).matches("[a-z][a-z0-9-]*");
            }
        }
    }

    @Test
    void keysAreRecordComponentsInKebabCaseAndComeBackAsTheyWere() {
        Recipe recipe = Recipe.of("gptq", Map.of("group-size", "64", "act-order", "false", "range", "min-max"));
        Map<String, Object> values = ConfigKeys.values(recipe.last().config());
        assertThat(values)
                .containsEntry("group-size", 64)
                .containsEntry("act-order", false)
                .containsEntry("range", "min-max");
        assertThat(Recipe.of("gptq", values)).isEqualTo(recipe);
        assertThat(recipe.toJson().at("/methods/0/group-size").asInt()).isEqualTo(64);
    }

    @Test
    void unknownNamesAreAnsweredWithTheNearestKnown() {
        assertThatThrownBy(() -> Recipe.of("gptp", Map.of()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("gptq");
        assertThatThrownBy(() -> Recipe.of("gptq", Map.of("grop-size", 64)))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("group-size");
        assertThatThrownBy(() -> Recipe.of("gptq", Map.of("range", "mes")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("mse");
    }

    @Test
    void aYamlRecipeIsTheSameAsTheFlags() {
        String yaml = """
                methods:
                  - method: gptq
                    bits: 3
                    group-size: 64
                    damping: 0.05
                act-bits: 16
                """;
        assertThat(Recipe.parse(yaml, "recipe.yaml"))
                .isEqualTo(Recipe.of("gptq", Map.of("bits", 3, "group-size", 64, "damping", 0.05)));
        assertThat(Recipe.parse("- method: rtn", "recipe.yaml")).isEqualTo(Recipe.of("rtn", Map.of()));
    }

    @Test
    void aMethodThatTransformsIsFollowedByOneThatChoosesWeights() {
        Recipe implied = Recipe.of("awq", Map.of("bits", 3, "clip", "false"));
        assertThat(implied).isEqualTo(Recipe.parse("- {method: awq, clip: false}\n- {method: rtn, bits: 3}", "r"));
        assertThat(implied.name()).isEqualTo("awq");
        assertThat(Recipe.parse("- method: awq\n- method: gptq", "r").name()).isEqualTo("awq+gptq");
        assertThatThrownBy(() -> Recipe.of("awq", Map.of("clop", 1)))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("clip");
    }

    @Test
    void whatActivationsAreHeldInFollowsTheirBits() {
        assertThat(Recipe.of("rtn", Map.of()).activations()).isEqualTo(ActivationPlan.of(ActivationScheme.FLOAT));
        assertThat(Recipe.of("rtn", Map.of(), Map.of("act-bits", 8)).activations())
                .isEqualTo(ActivationPlan.of(ActivationScheme.dynamic(8, true)));
        assertThat(Recipe.of("rtn", Map.of(), Map.of("act-bits", 4)).activations())
                .isEqualTo(ActivationPlan.of(ActivationScheme.dynamic(4, false)));
        Recipe fixed = Recipe.parse("methods: [{method: rtn}]\nact-bits: 8\nact-range: static", "r");
        assertThat(fixed.activations()).isEqualTo(ActivationPlan.of(ActivationScheme.fixed(8, true)));
        assertThat(fixed.calibrated()).isTrue();
        Recipe mixed = Recipe.parse("methods: [{method: rtn}]\nact-bits: 8\nact-range: mixed", "r");
        assertThat(mixed.activations()).isEqualTo(new ActivationPlan(ActivationScheme.fixed(8, true), true));
        assertThat(mixed.calibrated()).isTrue();
        assertThat(mixed.toJson().path("act-range").asText()).isEqualTo("mixed");
        assertThatThrownBy(() -> Recipe.of("rtn", Map.of(), Map.of("act-bits", 8, "act-range", "statik")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("static");
    }

    @Test
    void sixteenBitsOfTheCacheAreNotQuantized() {
        for (Map<String, Integer> keys : List.of(Map.<String, Integer>of(), Map.of("kv-bits", 16))) {
            Recipe recipe = Recipe.of("rtn", Map.of(), keys);
            assertThat(recipe.kv()).isEqualTo(KvScheme.FLOAT);
            assertThat(recipe.toJson().path("kv-bits").asInt()).isEqualTo(16);
        }
        assertThat(Recipe.of("rtn", Map.of(), Map.of("kv-bits", 4))
                        .toJson()
                        .path("kv-bits")
                        .asInt())
                .isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "methods: []",
                "- method: rtn\n- method: gptq",
                "- method: rtn\n- method: awq",
                "- method: awq\n  bits: 4\n- method: rtn",
                "- bits: 4",
                "method: rtn",
                "- method: rtn\n  bits: many",
                "- method: rtn\n  bits: [4]",
                "methods:\n  - method: rtn\nact-bits: 5",
                "methods:\n  - method: rtn\nkv-bits: x",
                "methods:\n  - method: rtn\nkv-bits: 32",
                "{",
                "just text"
            })
    void aYamlThatIsNoRecipeIsRefusedInOneLine(String yaml) {
        assertThatThrownBy(() -> Recipe.parse(yaml, "recipe.yaml"))
                .isInstanceOf(QuernException.class)
                .message()
                .doesNotContain("\n");
    }

    @Test
    void settingsOfAWrongTypeAreRefused() {
        for (Map<String, ?> wrong :
                List.of(Map.of("bits", "four"), Map.of("act-order", "perhaps"), Map.of("damping", "NaN"))) {
            assertThatThrownBy(() -> Recipe.of("gptq", new HashMap<>(wrong))).isInstanceOf(UsageException.class);
        }
    }

    @Test
    void calibrationStretchesAreDistinctInOrderAndChosenByTheSeed() {
        int[] tokens = IntStream.range(0, 1000).toArray();
        List<int[]> one = CalibrationSet.cut(tokens, 7, 64, 1, "text");
        assertThat(one).hasSize(7).allMatch(s -> s.length == 64 && s[0] % 64 == 0);
        int[] starts = one.stream().mapToInt(s -> s[0]).toArray();
        assertThat(starts).isSorted().doesNotHaveDuplicates();
        assertThat(CalibrationSet.cut(tokens, 7, 64, 1, "text").stream().mapToInt(s -> s[0]))
                .containsExactly(Arrays.stream(starts).boxed().toArray(Integer[]::new));
        assertThat(IntStream.range(2, 6)
                        .mapToObj(seed -> CalibrationSet.cut(tokens, 7, 64, seed, "text"))
                        .anyMatch(other -> other.getFirst()[0] != starts[0] || other.getLast()[0] != starts[6]))
                .isTrue();
    }

    @Test
    void textTooShortForCalibrationNamesBothCounts() {
        assertThatThrownBy(() -> CalibrationSet.cut(new int[999], 10, 100, 0, "text.txt"))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("text.txt")
                .hasMessageContaining("999")
                .hasMessageContaining("1000");
    }

    @Test
    void shapesThatTheLayoutCannotHoldAreNamedWithWhatWouldFit() {
        WeightFormat format = new Rtn().format(new Rtn.Config(4, 128, false, Range.MIN_MAX));
        assertThatThrownBy(() -> format.check("model.layers.0.mlp.down_proj", 4096, 4100))
                .hasMessageContaining("model.layers.0.mlp.down_proj")
                .hasMessageContaining("4100 inputs do not divide into groups of 128")
                .hasMessageContaining("100");
        assertThatThrownBy(() -> format.check("x", 100, 4096)).hasMessageContaining("100 outputs");
    }
}
