package dev.quern.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.kernels.Kernels;
import dev.quern.kernels.LinearKernel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Each body runs once and computes something.
class BenchmarksTest {
    @ParameterizedTest
    @MethodSource("dev.quern.bench.LinearBenchmark#weights")
    void everyKernelMultipliesEveryEncodingItTakes(String weight) {
        for (int tokens : new int[] {1, 8}) {
            LinearBenchmark body = new LinearBenchmark();
            body.weight = weight;
            body.shape = "70x512";
            body.tokens = tokens;
            body.prepare();
            LinearBenchmark.Rates rates = new LinearBenchmark.Rates();
            float[] y = body.multiply(rates);
            body.close();
            assertComputed(y, 70 * tokens);
            assertThat(rates.gigabytes).isPositive();
            assertThat(rates.gigaflops).isEqualTo(2e-9 * 70 * 512 * tokens);
        }
    }

    @Test
    void noKernelIsLeftOut() {
        List<String> weights = LinearBenchmark.weights();
        for (LinearKernel kernel : Kernels.usable()) {
            assertThat(weights).anyMatch(weight -> weight.startsWith(kernel.name() + ":"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 60})
    void attentionAttends(int tokens) {
        AttentionBenchmark body = new AttentionBenchmark();
        body.tokens = tokens;
        body.prepare();
        assertComputed(body.attend(new LinearBenchmark.Rates()), tokens * 9 * 64);
        body.close();
    }

    @Test
    void whatRunsBetweenRuns() {
        BetweenBenchmark body = new BetweenBenchmark();
        assertComputed(body.add(), 1536);
        assertComputed(body.siluGate(), 1536);
        assertComputed(body.geluTanhGate(), 1536);
        assertComputed(body.softmax(), 1536);
        assertComputed(body.rmsNorm(), 1536);
        assertComputed(body.rope(), 1536);
    }

    @Test
    void attentionHasARowForEachWidthOfTheCache() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            new SpeedTable(out, 0, 0).attention(200, 4, 2, 24);
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8).lines().filter(line -> line.startsWith("| kv")))
                .hasSize(5);
    }

    @Test
    void theTableOfCentroidsHasARowForEachShape() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            CentroidTable.print(out, new String[] {"v4-k256", "v8-k2048"}, 0);
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8).lines().skip(2))
                .hasSize(2)
                .allMatch(row -> row.startsWith("| v"));
    }

    @Test
    void theTableHasARowForEachShapeWithPositiveRates() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            new SpeedTable(out, 0, 0).print(List.of("gptq-4", "Q6_K"), new int[][] {{70, 256}, {64, 512}});
        }
        List<String> rows = bytes.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.contains(" × 256 ") || line.contains(" × 512 "))
                .toList();
        assertThat(rows).hasSize(4);
        assertThat(rows.get(3)).startsWith("| Q6_K | 64 × 512 | ");
        for (String row : rows) {
            String[] cells = row.split("\\|");
            for (int i = 3; i < cells.length; i++) {
                assertThat(Double.parseDouble(cells[i].strip())).isNotNegative();
            }
        }
    }

    private static void assertComputed(float[] y, int size) {
        assertThat(y).hasSize(size);
        int zeros = 0;
        for (float value : y) {
            assertThat(value).isFinite();
            zeros += value == 0 ? 1 : 0;
        }
        assertThat(zeros).isLessThan(size / 2);
    }
}
