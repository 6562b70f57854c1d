package dev.quern.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DemoCommandTest {
    private final Captured captured = new Captured();

    @Test
    void theNameDemoStandsForTheModelThatShipsWithQuern() {
        int exitCode = captured.run("inspect", "demo", "--json");

        assertThat(captured.err()).isEmpty();
        assertThat(exitCode).isZero();
        assertThat(captured.out()).contains("\"architecture\"", "\"supported\" : true", "\"chat_template\" : true");
    }

    @Test
    void trainingIsHiddenFromTheListButHelpsWhoAsks() {
        assertThat(captured.run()).isZero();
        assertThat(captured.out()).contains("demo").doesNotContain("train-demo");
        Captured asked = new Captured();
        assertThat(asked.run("train-demo", "--help")).isZero();
        assertThat(asked.out()).contains("--steps", "--start");
    }

    @Test
    void aTrainingWithoutStepsIsWrongUsage() {
        assertThat(captured.run("train-demo", "-o", "x", "--steps", "0")).isEqualTo(2);
        assertThat(captured.errLines()).hasSize(1);
    }
}
