package dev.quern.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressDisplayTest {
    private final AtomicLong clock = new AtomicLong();

    @Test
    void withoutATerminalThereIsALineNowAndThenAndNoBar() {
        Captured captured = new Captured(false);
        try (ProgressDisplay progress = new ProgressDisplay(captured.console(), "quantize", clock::get)) {
            for (int i = 1; i <= 30; i++) {
                clock.addAndGet(Duration.ofSeconds(4).toNanos());
                progress.at("block " + i, i, 30);
            }
        }
        assertThat(captured.errLines())
                .hasSize(10)
                .first()
                .asString()
                .startsWith("quantize: block 3, 3 of 30, 12 s, about ");
        assertThat(captured.err()).doesNotContain("\r").contains("1 min 48 s");
        assertThat(captured.out()).isEmpty();
    }

    @Test
    void timeLeftGoesByThePaceOfWhatIsCountedNow() {
        Captured captured = new Captured(false);
        try (ProgressDisplay progress = new ProgressDisplay(captured.console(), "quantize", clock::get)) {
            progress.at("replaying finished blocks", 0, 20);
            clock.addAndGet(Duration.ofSeconds(20).toNanos());
            progress.at("replaying finished blocks", 19, 20);
            progress.at("block 20", 2000, 3000);
            clock.addAndGet(Duration.ofSeconds(50).toNanos());
            progress.at("block 20", 2100, 3000);
        }
        assertThat(captured.errLines())
                .containsExactly(
                        "quantize: replaying finished blocks, 19 of 20, 20 s, about 1 s left",
                        "quantize: block 20, 2100 of 3000, 1 min 10 s, about 7 min 30 s left");
    }

    @Test
    void shortWorkPrintsNothingWithoutATerminal() {
        Captured captured = new Captured(false);
        try (ProgressDisplay progress = new ProgressDisplay(captured.console(), "eval", clock::get)) {
            progress.at("window 1", 1, 2);
            progress.at("window 2", 2, 2);
        }
        assertThat(captured.err()).isEmpty();
    }

    @Test
    void onATerminalTheBarShowsTaskStepAndCount() {
        Captured captured = new Captured(true);
        try (ProgressDisplay progress = new ProgressDisplay(captured.console(), "quantize", System::nanoTime)) {
            progress.at("block 3", 3, 30);
        }
        assertThat(captured.err()).contains("quantize", "3/30", "block 3", "\r");
        assertThat(captured.out()).isEmpty();
    }
}
