package dev.quern.cli;

import java.text.MessageFormat;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/// The binding of `System.Logger`: one line a record on stderr. Warnings always, more with `-v`.
///
/// The JVM finds this class by its service file. Talk of other libraries is heard only from warnings on.
public final class StderrLoggers extends System.LoggerFinder {
    private static final String OURS = "dev.quern.";

    /// The JVM has one log and makes its finder itself: this is the one switch that a command can reach.
    private static volatile boolean verbose;

    static void verbose(boolean on) {
        verbose = on;
    }

    @Override
    public System.Logger getLogger(String name, Module module) {
        return new Stderr(name);
    }

    private record Stderr(String name) implements System.Logger {
        @Override
        public String getName() {
            return name;
        }

        @Override
        public boolean isLoggable(Level level) {
            Level least = verbose && name.startsWith(OURS) ? Level.DEBUG : Level.WARNING;
            return level != Level.OFF && level.getSeverity() >= least.getSeverity();
        }

        @Override
        public void log(Level level, @Nullable ResourceBundle bundle, String message, @Nullable Throwable thrown) {
            print(level, message, thrown);
        }

        @Override
        public void log(Level level, @Nullable ResourceBundle bundle, String format, @Nullable Object... values) {
            print(level, values == null || values.length == 0 ? format : MessageFormat.format(format, values), null);
        }

        private void print(Level level, String message, @Nullable Throwable thrown) {
            if (!isLoggable(level)) {
                return;
            }
            String kind = switch (level) {
                case ERROR -> "error: ";
                case WARNING -> "warning: ";
                default -> "";
            };
            ProgressDisplay.line(System.err, "quern: " + kind + message.replace('\n', ' '));
            if (thrown != null && verbose) {
                thrown.printStackTrace(System.err);
            }
        }
    }
}
