package dev.quern.text;

/// What one rendering may use; templates come with model files and are not trusted.
final class JinjaLimits {
    /// A million tokens' worth of text.
    static final long MAX_CHARACTERS = 8_000_000;

    static final int MAX_RANGE = 100_000;
    private static final long MAX_STEPS = 20_000_000;
    private static final long MAX_NANOS = 20_000_000_000L;
    private static final int MAX_CALLS = 200;

    private final long start = System.nanoTime();
    private long steps;
    private int calls;
    private long written;

    void step() {
        steps++;
        if (steps > MAX_STEPS || ((steps & 1023) == 0 && System.nanoTime() - start > MAX_NANOS)) {
            throw new JinjaException("rendering takes too long; the template may loop without end");
        }
    }

    void write(int characters) {
        written += characters;
        checkLength(written);
    }

    /// Every value that a step makes costs steps by its length, so that a small loop cannot fill the memory.
    <T> T made(T value) {
        int size =
                value instanceof String s ? s.length() / 16 : value instanceof java.util.Collection<?> c ? c.size() : 0;
        if (value instanceof String s) {
            checkLength(s.length());
        }
        steps += size;
        step();
        return value;
    }

    static void checkLength(long characters) {
        if (characters > MAX_CHARACTERS) {
            throw new JinjaException("a text grows beyond " + MAX_CHARACTERS + " characters");
        }
    }

    void enter() {
        if (++calls > MAX_CALLS) {
            throw new JinjaException("macros call each other more than " + MAX_CALLS + " deep");
        }
    }

    void leave() {
        calls--;
    }
}
