package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class QuernExceptionTest {
    @Test
    void aHostileNameCannotBreakTheLineOrMoveTheCursor() {
        assertThat(new QuernException("tensor a\n\u001b[2J\u0085: bad"))
                .hasMessage("tensor a\\u000a\\u001b[2J\\u0085: bad");
    }

    @Test
    void anEndlessNameIsCut() {
        assertThat(new QuernException("x".repeat(100_000)).getMessage()).hasSizeLessThan(2100);
    }
}
