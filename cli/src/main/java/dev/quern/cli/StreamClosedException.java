package dev.quern.cli;

import dev.quern.core.QuernException;

/// Output that nobody takes any more.
final class StreamClosedException extends QuernException {
    private static final long serialVersionUID = 1L;

    private final boolean readerGone;

    StreamClosedException(String message, boolean readerGone) {
        super(message);
        this.readerGone = readerGone;
    }

    /// True where the reader has left (`quern … | head`): it has what it wanted, so this is no failure.
    boolean readerGone() {
        return readerGone;
    }
}
