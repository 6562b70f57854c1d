package dev.quern.core;

/// A wrong option, key or value: the caller can mend the command line. Exit code 2.
public final class UsageException extends QuernException {
    private static final long serialVersionUID = 1L;

    public UsageException(String message) {
        super(message);
    }

    @Override
    public int exitCode() {
        return 2;
    }
}
