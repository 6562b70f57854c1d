package dev.quern.cli;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;

/// A buffered stream whose writer learns that nobody reads any more, or that the disk behind it is full: a
/// `PrintStream` on top of it would swallow both and let the command work on for nothing. It is told once.
final class ReaderAwareStream extends FilterOutputStream {
    private final String name;
    private boolean closed;

    ReaderAwareStream(String name, OutputStream out) {
        super(new BufferedOutputStream(out));
        this.name = name;
    }

    @Override
    public void write(int b) {
        run(() -> out.write(b));
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        run(() -> out.write(bytes, offset, length));
    }

    @Override
    public void flush() {
        run(out::flush);
    }

    @FunctionalInterface
    private interface Write {
        void run() throws IOException;
    }

    private void run(Write write) {
        if (closed) {
            return;
        }
        try {
            write.run();
        } catch (IOException e) {
            closed = true;
            String message = String.valueOf(e.getMessage());
            throw new StreamClosedException(
                    name + ": cannot be written: " + message,
                    message.toLowerCase(Locale.ROOT).contains("pipe"));
        }
    }
}
