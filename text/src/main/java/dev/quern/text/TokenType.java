package dev.quern.text;

/// What a token is for, in GGUF's numbering.
enum TokenType {
    NORMAL(1),
    UNKNOWN(2),
    CONTROL(3),
    USER_DEFINED(4),
    UNUSED(5),
    BYTE(6);

    private final int number;

    TokenType(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    /// Files in the wild hold 0 for undefined; such a token is an ordinary one.
    static TokenType of(int number) {
        for (TokenType type : values()) {
            if (type.number == number) {
                return type;
            }
        }
        return NORMAL;
    }
}
