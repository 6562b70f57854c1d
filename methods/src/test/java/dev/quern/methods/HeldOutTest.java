package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class HeldOutTest {
    @Test
    void everySequenceTrainsOrJudges() {
        for (int count = 2; count < 600; count++) {
            assertThat(IntStream.concat(IntStream.of(HeldOut.training(count)), IntStream.of(HeldOut.judging(count)))
                            .sorted()
                            .toArray())
                    .isEqualTo(IntStream.range(0, count).toArray());
        }
    }

    @Test
    void oneOfEightJudgesAndSixteenAtMost() {
        assertThat(HeldOut.judging(2)).containsExactly(1);
        assertThat(HeldOut.judging(64)).containsExactly(7, 15, 23, 31, 39, 47, 55, 63);
        for (int count = 8; count < 600; count++) {
            assertThat(HeldOut.judging(count)).hasSize(Math.min(16, count / 8));
        }
    }

    @Test
    void theOnlySequenceDoesBoth() {
        assertThat(HeldOut.training(1)).containsExactly(0);
        assertThat(HeldOut.judging(1)).containsExactly(0);
    }
}
