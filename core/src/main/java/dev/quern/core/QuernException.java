package dev.quern.core;

/// A failure that a user can act on: its message is one line that says where, what was found, what is allowed and
/// what to do. Commands print the message alone and end with `exitCode`.
public class QuernException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int MOST_CHARACTERS = 2000;

    public QuernException(String message) {
        super(line(message));
    }

    public QuernException(String message, Throwable cause) {
        super(line(message), cause);
    }

    /// 1 failed, 2 wrong usage.
    public int exitCode() {
        return 1;
    }

    /// Names out of hostile files reach messages: control characters are spelled out, and an endless name is cut.
    private static String line(String message) {
        StringBuilder line = new StringBuilder(message.length());
        message.codePoints().limit(MOST_CHARACTERS).forEach(c -> {
            if (Character.getType(c) == Character.CONTROL || c == 0x2028 || c == 0x2029) {
                line.append(String.format("\\u%04x", c));
            } else {
                line.appendCodePoint(c);
            }
        });
        return message.length() > MOST_CHARACTERS ? line + "…" : line.toString();
    }
}
