package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.Progress;
import dev.quern.core.UsageException;
import dev.quern.kernels.Workers;
import dev.quern.runtime.Model;
import org.junit.jupiter.api.Test;

class SpeedBenchTest {
    @Test
    void bytesReadAreThoseOfTheWeightsTimesTheTokens() throws Exception {
        try (Workers workers = Workers.of(2)) {
            Model model = TinyLlama.model(1, workers);
            SpeedBench bench = SpeedBench.of(model, new SpeedBench.Load(8, 4, 3), 1e10, Progress.NONE);
            assertThat(bench.threads()).isEqualTo(2);
            assertThat(bench.weightBytes()).isEqualTo(model.weightBytes()).isPositive();
            assertThat(bench.prefillTokensPerSecond()).isPositive();
            assertThat(bench.readBytesPerSecond() / bench.decodeTokensPerSecond())
                    .isCloseTo(model.weightBytes(), within(1e-3));
            assertThat(bench.memoryBandwidthBytesPerSecond()).isEqualTo(1e10);
            assertThat(bench.kernel()).isEqualTo("dense");
            var config = model.network().config();
            // keys and values in floats; values' heads are filled up to 16
            double position = 4.0 * config.nLayers() * config.nKvHeads() * (config.headDim() + 16);
            assertThat(bench.cacheBytesPerPosition()).isEqualTo(position);
        }
    }

    @Test
    void theMedianIsTheMiddleOrTheMeanOfTheTwoMiddleValues() {
        assertThat(SpeedBench.median(new double[] {3, 1, 2})).isEqualTo(2);
        assertThat(SpeedBench.median(new double[] {4, 1, 2, 3})).isEqualTo(2.5);
    }

    @Test
    void nothingToRunIsRefused() {
        assertThatThrownBy(() -> new SpeedBench.Load(512, 0, 3))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--gen-tokens 0");
    }
}
