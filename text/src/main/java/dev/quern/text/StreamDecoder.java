package dev.quern.text;

import java.util.Arrays;

/// Turns tokens that come one by one into text, holding back what is not yet a whole character.
///
/// The pieces joined are what decoding all tokens at once gives (broken byte sequences excepted: what was already
/// handed out cannot be taken back). Special tokens are left out. For one thread.
public final class StreamDecoder {
    private static final char BROKEN = '\uFFFD';

    /// No character of any alphabet needs more tokens than this; what is still broken by then stays broken.
    private static final int MAX_HELD = 16;

    private final RustTokenizer rust;
    private int[] tokens = new int[64];
    private int count;

    /// Text before `shown` has been handed out; decoding starts at `context`, one handed-out step earlier, because a
    /// tokenizer may drop the space at the very start of what it decodes.
    private int context;

    private int shown;

    StreamDecoder(RustTokenizer rust) {
        this.rust = rust;
    }

    /// The text that became certain with `token`; empty while a character is incomplete.
    public String next(int token) {
        if (count == tokens.length) {
            compact();
        }
        tokens[count++] = token;
        String text = pending();
        boolean incomplete = !text.isEmpty() && text.charAt(text.length() - 1) == BROKEN;
        if (text.isEmpty() || (incomplete && count - shown < MAX_HELD)) {
            return "";
        }
        context = shown;
        shown = count;
        return text;
    }

    /// What is still held back, with U+FFFD where a character stayed incomplete. The decoder then starts anew.
    public String flush() {
        String text = pending();
        count = 0;
        context = 0;
        shown = 0;
        return text;
    }

    private String pending() {
        String before = rust.decode(tokens, context, shown, true);
        String all = rust.decode(tokens, context, count, true);
        return all.length() > before.length() ? all.substring(before.length()) : "";
    }

    private void compact() {
        int[] kept = Arrays.copyOfRange(tokens, context, count);
        if (kept.length == tokens.length) {
            kept = Arrays.copyOf(kept, 2 * kept.length);
            tokens = kept;
        } else {
            System.arraycopy(kept, 0, tokens, 0, kept.length);
        }
        count -= context;
        shown -= context;
        context = 0;
    }
}
