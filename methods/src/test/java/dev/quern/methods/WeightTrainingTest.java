package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class WeightTrainingTest {
    @Test
    void everyEpochHasAnOrderOfItsOwnAndTheSameEachTime() {
        int[] training = IntStream.range(10, 66).toArray();
        Set<String> orders = new HashSet<>();
        for (int epoch = 0; epoch < 8; epoch++) {
            int[] order = WeightTraining.order(training, epoch);
            assertThat(order).containsExactlyInAnyOrder(training).isEqualTo(WeightTraining.order(training, epoch));
            orders.add(Arrays.toString(order));
        }
        assertThat(orders).hasSize(8).doesNotContain(Arrays.toString(training));
    }
}
