package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import dev.quern.models.Role;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VectorPlannerTest {
    /// A model of 135 million parameters, whose codebooks weigh.
    private static List<Linear> small() {
        return block(576, 192, 1536, 30);
    }

    private static List<Linear> block(int hidden, int kv, int inner, int layers) {
        List<Linear> linears = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            String prefix = "model.layers." + layer + ".";
            add(linears, layer, Role.Q, prefix + "self_attn.q_proj", hidden, hidden);
            add(linears, layer, Role.K, prefix + "self_attn.k_proj", hidden, kv);
            add(linears, layer, Role.GATE, prefix + "mlp.gate_proj", hidden, inner);
            add(linears, layer, Role.DOWN, prefix + "mlp.down_proj", inner, hidden);
        }
        return linears;
    }

    private static void add(List<Linear> linears, int layer, Role role, String name, int in, int out) {
        linears.add(new Linear(linears.size(), layer, role, name, in, out, false));
    }

    private static double average(List<Linear> linears, double bits) {
        Vptq method = new Vptq();
        Vptq.Config config =
                method.planned(Step.of(method, Map.of("bits", bits)).config(), linears, Map::of);
        WeightFormat format = method.format(config);
        double bytes = 0;
        double weights = 0;
        for (Linear linear : linears) {
            format.check(linear.name(), linear.outFeatures(), linear.inFeatures());
            bytes += format.bytes(linear.name(), linear.outFeatures(), linear.inFeatures());
            weights += (double) linear.outFeatures() * linear.inFeatures();
        }
        return 8 * bytes / weights;
    }

    @ParameterizedTest
    @ValueSource(doubles = {1.2, 1.6, 2.05, 2.3, 2.7, 3.0})
    void theBudgetHoldsWithEverythingCountedAndIsUsed(double bits) {
        assertThat(average(small(), bits)).isBetween(bits - 0.13, bits);
        assertThat(average(block(4096, 1024, 14336, 32), bits)).isBetween(bits - 0.13, bits);
    }

    @Test
    void largeMatricesGetLargerBooks() {
        assertThat(new VectorPlanner(block(4096, 1024, 14336, 32), 2.5, true, Map.of()).shapes())
                .contains("k1024");
        assertThat(new VectorPlanner(small(), 2.5, true, Map.of()).shapes()).doesNotContain("k2048");
    }

    @Test
    void aBudgetThatNothingFitsIsRefusedWithTheLeast() {
        assertThatThrownBy(() -> new VectorPlanner(small(), 0.05, true, Map.of()).shapes())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no codebooks fit 0.050 bits a weight on this model; the least is 0.");
    }

    @Test
    void shapesAreReadBackAsTheyAreWritten() {
        VectorShapes shapes = VectorShapes.of("q_proj=v4-k256,down_proj=v8-k256-16");
        assertThat(shapes.find("model.layers.3.self_attn.q_proj", true).orElseThrow())
                .hasToString("v4-k256-norm");
        assertThat(shapes.find("model.layers.3.mlp.down_proj", false).orElseThrow())
                .hasToString("v8-k256-16");
        assertThat(shapes.find("model.layers.3.mlp.up_proj", false)).isEmpty();
        assertThatThrownBy(() -> VectorShapes.of("q_proj=4x256"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("unlike q_proj=4x256");
    }

    @Test
    void errorsThatCostMoreGetMoreBitsUnlessAllCostTheSame() {
        Vptq method = new Vptq();
        List<Linear> linears = block(4096, 1024, 14336, 32);
        Map<Linear, Double> costs = new HashMap<>();
        // what a weight costs is what the matrix costs by its size
        linears.forEach(l -> costs.put(
                l,
                (l.layer() == 5 ? 1000.0 : 1) * l.inFeatures() * l.outFeatures() / (l.role() == Role.GATE ? 50 : 1)));
        Vptq.Config measured =
                method.planned(Step.of(method, Map.of("bits", 2.3)).config(), linears, () -> costs);
        assertThat(bits(measured, "model.layers.5.mlp.down_proj"))
                .isGreaterThan(bits(measured, "model.layers.6.mlp.down_proj"));
        assertThat(bits(measured, "model.layers.6.mlp.down_proj"))
                .isGreaterThan(bits(measured, "model.layers.6.mlp.gate_proj"));
        Vptq.Config same = method.planned(
                Step.of(method, Map.of("bits", 2.3, "costs", false)).config(), linears, () -> {
                    throw new AssertionError("nothing is to be measured");
                });
        assertThat(same.shapes()).startsWith("q_proj=");
        assertThat(bits(same, "model.layers.5.mlp.down_proj")).isEqualTo(bits(same, "model.layers.6.mlp.down_proj"));
    }

    @Test
    void costsThatAreNoNumbersCountAsOrdinary() {
        List<Linear> linears = small();
        Map<Linear, Double> costs = new HashMap<>();
        linears.forEach(l -> costs.put(l, l.layer() == 3 ? Double.NaN : l.layer() == 4 ? 0 : 1.0));
        assertThat(new VectorPlanner(linears, 2.3, true, costs).shapes())
                .contains("model.layers.3.", "model.layers.4.");
    }

    @Test
    void theLongestNameSaysTheShape() {
        VectorShapes shapes = VectorShapes.of("down_proj=v4-k256,layers.1.mlp.down_proj=v3-k512");
        assertThat(shapes.find("model.layers.1.mlp.down_proj", false).orElseThrow())
                .hasToString("v3-k512");
        assertThat(shapes.find("model.layers.11.mlp.down_proj", false).orElseThrow())
                .hasToString("v4-k256");
    }

    private static double bits(Vptq.Config config, String name) {
        VectorShape shape = config.shape(name, 4096);
        return (double) shape.indexBits() / shape.length();
    }
}
