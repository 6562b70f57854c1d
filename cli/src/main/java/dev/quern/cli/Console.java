package dev.quern.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;

/// The three streams of a command and what is at their other end. UTF-8 whatever the locale.
///
/// `columns` is the width of the terminal, where one is there.
record Console(
        InputStream in,
        PrintStream out,
        PrintStream err,
        boolean inIsTerminal,
        boolean outIsTerminal,
        boolean errIsTerminal,
        int columns) {
    /// Where the launcher puts the real stderr, past the filter for the JVM's own talk.
    private static final int LAUNCHER_STDERR = 3;

    /// The process's own streams. The launcher tells which of them are terminals; without it none counts as one.
    static Console ofProcess() {
        String launcher = System.getProperty("quern.terminals");
        String terminals = launcher == null ? "" : launcher;
        OutputStream err = new FileOutputStream(launcher == null ? FileDescriptor.err : launcherStderr());
        return new Console(
                new FileInputStream(FileDescriptor.in),
                new PrintStream(
                        new ReaderAwareStream("stdout", new FileOutputStream(FileDescriptor.out)),
                        false,
                        StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                terminals.contains("0"),
                terminals.contains("1"),
                terminals.contains("2"),
                Integer.getInteger("quern.columns", 80));
    }

    private static FileDescriptor launcherStderr() {
        try {
            Constructor<FileDescriptor> constructor = FileDescriptor.class.getDeclaredConstructor(int.class);
            constructor.setAccessible(true);
            return constructor.newInstance(LAUNCHER_STDERR);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return FileDescriptor.err;
        }
    }
}
