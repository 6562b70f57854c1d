package dev.quern.core;

/// A model that is well-formed but holds something Quern does not know; the message names it.
public final class UnsupportedModelException extends QuernException {
    private static final long serialVersionUID = 1L;

    public UnsupportedModelException(String message) {
        super(message);
    }
}
