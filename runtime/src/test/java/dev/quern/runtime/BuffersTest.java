package dev.quern.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BuffersTest {
    @Test
    void onlyReleasedArraysAreTakenAgain() {
        Buffers buffers = new Buffers();
        float[] a = buffers.take(8);
        float[] b = buffers.take(8);
        assertThat(b).isNotSameAs(a);
        buffers.releaseAllBut(b);
        assertThat(buffers.take(9)).hasSize(9);
        assertThat(buffers.take(8)).isSameAs(a);
        assertThat(buffers.take(8)).isNotSameAs(a).isNotSameAs(b);
        buffers.releaseAllBut(a);
        buffers.clear();
        assertThat(buffers.take(8)).isNotSameAs(a).isNotSameAs(b);
    }
}
