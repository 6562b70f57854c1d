package dev.quern.core;

/// A failure that a user can act on: its message is one line that says where, what was found, what is allowed and what
/// to do. Commands print the message alone and end with `exitCode`.
public class QuernException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public QuernException(String message) {
        super(message);
    }

    public QuernException(String message, Throwable cause) {
        super(message, cause);
    }

    /// 1 failed, 2 wrong usage.
    public int exitCode() {
        return 1;
    }
}
