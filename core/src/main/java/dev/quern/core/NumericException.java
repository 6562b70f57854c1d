package dev.quern.core;

/// A value that is not finite, caught where it was born.
public final class NumericException extends QuernException {
    private static final long serialVersionUID = 1L;

    public NumericException(String layer, String step, String reason) {
        super(layer + ": " + step + ": " + reason);
    }
}
