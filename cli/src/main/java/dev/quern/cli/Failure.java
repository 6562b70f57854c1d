package dev.quern.cli;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.stream.Collectors;

/// What a command that failed tells: one line and an exit code.
record Failure(String line, int exitCode) {
    static Failure of(Throwable error) {
        return switch (error) {
            case StreamClosedException e when e.readerGone() -> new Failure("", 0);
            case QuernException e -> new Failure(String.valueOf(e.getMessage()), e.exitCode());
            case UncheckedIOException e when e.getCause() != null -> of(e.getCause());
            case IOException e -> new Failure(ofFile(e), 1);
            case OutOfMemoryError _ -> new Failure(outOfMemory(error), 1);
            case LinkageError e ->
                new Failure("a library does not load on this machine (" + name(e) + "); run quern doctor", 1);
            default -> new Failure("internal error: " + name(error) + "; please report it with what -v prints", 1);
        };
    }

    /// Prints the line and, where wanted, the stack trace.
    int print(PrintStream err, Throwable error, boolean verbose) {
        if (!line.isEmpty()) {
            err.println("quern: " + oneLine(line));
            if (verbose) {
                error.printStackTrace(err);
            }
        }
        return exitCode;
    }

    private static String oneLine(String text) {
        return text.lines().map(String::strip).filter(s -> !s.isEmpty()).collect(Collectors.joining(" "));
    }

    private static String ofFile(IOException error) {
        String reason = switch (error) {
            case NoSuchFileException _ -> "no such file or directory";
            case AccessDeniedException _ -> "permission denied";
            case NotDirectoryException _ -> "not a directory";
            case FileSystemException e when e.getReason() != null -> e.getReason();
            default -> "";
        };
        if (error instanceof FileSystemException e && !reason.isEmpty() && e.getFile() != null) {
            return e.getFile() + ": " + reason;
        }
        return error.getMessage() == null ? name(error) : error.getMessage();
    }

    private static String outOfMemory(Throwable error) {
        long heap = Runtime.getRuntime().maxMemory() >> 20;
        return "out of memory (" + error.getMessage() + "): Java's heap is limited to " + heap
                + " MiB here; give it more with QUERN_JAVA_OPTS=-Xmx<size> (e.g. -Xmx12g), or use a smaller model";
    }

    private static String name(Throwable error) {
        String type = error.getClass().getSimpleName();
        return error.getMessage() == null ? type : type + ": " + error.getMessage();
    }
}
