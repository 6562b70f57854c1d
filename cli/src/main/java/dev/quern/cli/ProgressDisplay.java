package dev.quern.cli;

import dev.quern.core.Progress;
import java.io.PrintStream;
import java.time.Duration;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/// Progress on stderr: a bar with what is done, elapsed and left where stderr is a terminal, otherwise a line now and
/// then. Close it before results are printed.
final class ProgressDisplay implements Progress, AutoCloseable {
    private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();
    private static final String CLEAR_LINE = "\r\u001b[2K";

    private static volatile boolean barShown;

    private final Console console;
    private final String task;
    private final LongSupplier clock;
    private final long started;
    /// When what is counted now began, and what was done then.
    private long phaseStarted;
    private long phaseDone;
    private long lastLine;
    private long lastDone;
    private long lastTotal = -1;
    private @Nullable ProgressBar bar;

    ProgressDisplay(Console console, String task) {
        this(console, task, System::nanoTime);
    }

    ProgressDisplay(Console console, String task, LongSupplier clock) {
        this.console = console;
        this.task = task;
        this.clock = clock;
        this.started = clock.getAsLong();
        this.phaseStarted = started;
        this.lastLine = started;
    }

    /// Prints a line of talk so that a bar in front of it is wiped and drawn again behind it.
    static void line(PrintStream err, String line) {
        err.println(barShown ? CLEAR_LINE + line : line);
    }

    @Override
    public synchronized void at(String step, long done, long total) {
        boolean newPhase = total != lastTotal || done < lastDone;
        if (newPhase && lastTotal >= 0) {
            phaseStarted = clock.getAsLong();
            phaseDone = done;
        }
        lastDone = done;
        lastTotal = total;
        if (console.errIsTerminal()) {
            draw(newPhase, step, done, total);
        } else {
            tell(step, done, total);
        }
    }

    private void draw(boolean newPhase, String step, long done, long total) {
        if (bar == null || newPhase) {
            closeBar();
            bar = new ProgressBarBuilder()
                    .setTaskName(task)
                    .setInitialMax(total)
                    .startsFrom(phaseDone, Duration.ZERO)
                    .setUpdateIntervalMillis(200)
                    .setStyle(ProgressBarStyle.ASCII)
                    .clearDisplayOnFinish()
                    .setConsumer(new ConsoleProgressBarConsumer(console.err(), Math.max(20, console.columns() - 1)))
                    .build();
            barShown = true;
        }
        bar.setExtraMessage(" " + step);
        bar.stepTo(done);
    }

    private void tell(String step, long done, long total) {
        long now = clock.getAsLong();
        if (now - lastLine < LINE_EVERY_NANOS) {
            return;
        }
        lastLine = now;
        String left = "";
        if (done > phaseDone && total > done) {
            left = ", about " + seconds((now - phaseStarted) / (done - phaseDone) * (total - done)) + " left";
        }
        console.err().println(task + ": " + step + ", " + done + " of " + total + ", " + seconds(now - started) + left);
    }

    private static String seconds(long nanos) {
        long seconds = nanos / 1_000_000_000L;
        return seconds < 60 ? seconds + " s" : seconds / 60 + " min " + seconds % 60 + " s";
    }

    private void closeBar() {
        if (bar != null) {
            bar.close();
            bar = null;
            barShown = false;
        }
    }

    @Override
    public synchronized void close() {
        closeBar();
    }
}
