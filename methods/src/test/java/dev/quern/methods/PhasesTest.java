package dev.quern.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PhasesTest {
    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static double seconds(List<Phases.Phase> phases, String name) {
        return phases.stream()
                .filter(phase -> phase.name().equals(name))
                .mapToDouble(Phases.Phase::seconds)
                .sum();
    }

    @Test
    void partsAddUpToTheWholeAndAnInnerPhaseIsNotCountedTwice() {
        long begun = System.nanoTime();
        Phases phases = new Phases();
        String result = phases.call("outer", () -> {
            sleep(20);
            phases.run("inner", () -> sleep(60));
            sleep(20);
            return "done";
        });
        sleep(10);
        phases.run("inner", () -> sleep(20));
        List<Phases.Phase> all = phases.all();
        double whole = (System.nanoTime() - begun) / 1e9;
        assertThat(result).isEqualTo("done");
        assertThat(Phases.total(all)).isBetween(0.13, whole);
        assertThat(all).extracting(Phases.Phase::name).containsExactlyInAnyOrder("outer", "inner", Phases.OTHER);
        assertThat(seconds(all, "inner")).isGreaterThanOrEqualTo(0.08);
        assertThat(seconds(all, "outer")).isGreaterThanOrEqualTo(0.04);
        assertThat(seconds(all, Phases.OTHER)).isGreaterThanOrEqualTo(0.01);
    }

    @Test
    void theLongestComesFirstAndWhatNoPhaseClaimsLast() {
        Phases phases = new Phases();
        sleep(30);
        phases.run("short", () -> sleep(2));
        phases.run("long", () -> sleep(20));
        assertThat(phases.all()).extracting(Phases.Phase::name).containsExactly("long", "short", Phases.OTHER);
    }

    @Test
    void aPhaseThatFailsEndsAllTheSame() {
        Phases phases = new Phases();
        assertThatThrownBy(() -> phases.run("failing", () -> {
                    throw new IllegalArgumentException("no");
                }))
                .hasMessage("no");
        sleep(30);
        assertThat(seconds(phases.all(), "failing")).isLessThan(0.02);
    }

    @Test
    void otherThreadsAreRefused() throws InterruptedException {
        Phases phases = new Phases();
        Throwable[] thrown = new Throwable[1];
        Thread thread = Thread.ofPlatform().start(() -> {
            try {
                phases.run("elsewhere", () -> {});
            } catch (IllegalStateException e) {
                thrown[0] = e;
            }
        });
        thread.join();
        assertThat(thrown[0]).hasMessageContaining("elsewhere: phases are timed on the thread that drives the run");
    }
}
