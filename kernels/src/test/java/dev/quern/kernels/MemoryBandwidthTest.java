package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MemoryBandwidthTest {
    @Test
    void readingMemoryIsNeitherFreeNorSlowerThanADisk() {
        try (Workers workers = Workers.of(2)) {
            assertThat(MemoryBandwidth.measure(workers, 16 << 20)).isBetween(1e7, 1e13);
        }
    }
}
