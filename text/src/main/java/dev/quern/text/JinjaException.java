package dev.quern.text;

import dev.quern.core.QuernException;

/// A template that cannot be read or rendered, or that refuses the messages itself.
final class JinjaException extends QuernException {
    private static final long serialVersionUID = 1L;

    JinjaException(int line, String reason) {
        super("line " + line + ": " + reason);
    }

    JinjaException(String reason) {
        super(reason);
    }
}
