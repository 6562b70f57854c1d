package dev.quern.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ArchitecturesTest {
    static Iterable<Architecture> all() {
        return Architectures.ALL;
    }

    private static ObjectNode config(Architecture architecture) {
        ObjectNode json = Json.object();
        json.putArray("architectures")
                .add(architecture.huggingFaceNames().iterator().next());
        json.put("hidden_size", 64).put("intermediate_size", 96).put("num_hidden_layers", 6);
        json.put("num_attention_heads", 4).put("num_key_value_heads", 2).put("head_dim", 16);
        json.put("vocab_size", 100).put("sliding_window", 8).put("max_position_embeddings", 64);
        return json;
    }

    @ParameterizedTest
    @MethodSource("all")
    void linearsAndNormsAreNumberedWithoutGaps(Architecture architecture) {
        Network network = architecture.network(config(architecture));
        assertThat(network.blocks())
                .hasSize(6)
                .allSatisfy(b -> assertThat(b.linears()).hasSize(7));
        assertThat(network.linears().stream().map(Linear::index))
                .containsExactlyElementsOf(IntStream.range(0, 42).boxed().toList());
        assertThat(network.head().index()).isEqualTo(42);
        assertThat(network.norms().stream().map(Norm::index))
                .containsExactlyElementsOf(
                        IntStream.range(0, network.norms().size()).boxed().toList());
    }

    @ParameterizedTest
    @MethodSource("all")
    void everyParameterHasOneNameInGguf(Architecture architecture) {
        Network network = architecture.network(config(architecture));
        GgufNames names = new GgufNames(architecture);
        Set<String> seen = new HashSet<>();
        network.linears()
                .forEach(l -> assertThat(seen.add(names.of(l.weightName()).orElseThrow()))
                        .isTrue());
        network.norms()
                .forEach(n -> assertThat(seen.add(names.of(n.name()).orElseThrow()))
                        .as(n.name())
                        .isTrue());
        assertThat(seen).contains("blk.5.attn_q.weight", "output_norm.weight");
    }

    @ParameterizedTest
    @MethodSource("all")
    void aMissingSizeIsNamed(Architecture architecture) {
        ObjectNode config = config(architecture);
        config.remove("hidden_size");
        assertThatThrownBy(() -> architecture.network(config))
                .isInstanceOf(QuernException.class)
                .hasMessage("config.json: hidden_size is missing; a positive whole number is needed");
    }

    @Test
    void gemmaSlidesOnFiveOfSixLayersAndTurnsThemByAnotherBase() {
        Architecture gemma = new Gemma3Architecture();
        Network network = gemma.network(config(gemma));
        assertThat(network.config().layerWindows()).containsExactly(8, 8, 8, 8, 8, 0);
        assertThat(network.tied()).isTrue();
        assertThat(network.embedding().scale()).isEqualTo(8f);
        assertThat(rope(network, 0).frequencies()[1]).isEqualTo(Math.pow(10_000, -1.0 / 8));
        assertThat(rope(network, 5).frequencies()[1]).isEqualTo(Math.pow(1_000_000, -1.0 / 8));
    }

    @Test
    void whatIsMissingIsNamed() {
        Architecture llama = new LlamaArchitecture();
        ObjectNode config = config(llama);
        config.putObject("rope_scaling").put("rope_type", "longrope");
        assertThat(llama.missing(config)).containsExactly("rope type longrope");
    }

    @Test
    void interleavedRowsAreABijectionThatPairsHalves() {
        int headDim = 8;
        assertThat(IntStream.range(0, 16).map(r -> GgufWeights.interleaved(r, headDim)))
                .containsExactly(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    }

    private static Rope rope(Network network, int layer) {
        return ((AttentionInput) network.blocks().get(layer).stages().getFirst()).rope();
    }
}
