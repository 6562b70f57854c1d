package dev.quern.demo;

import dev.quern.text.Tokenizer;
import java.util.Arrays;

/// Tokens of an endless text, cut into sequences that overlap by one token.
final class TokenStream {
    private static final int CHARACTERS = 20_000;

    private final Tokenizer tokenizer;
    private final DemoText text;
    private int[] tokens = {};
    private int at;

    /// The tokenizer stays the caller's.
    TokenStream(Tokenizer tokenizer, DemoText text) {
        this.tokenizer = tokenizer;
        this.text = text;
    }

    /// The next `length` tokens; the last of them begins the sequence after.
    int[] next(int length) {
        while (tokens.length - at < length) {
            int[] more = tokenizer.encode(text.next(CHARACTERS), false);
            int[] joined =
                    Arrays.copyOf(Arrays.copyOfRange(tokens, at, tokens.length), tokens.length - at + more.length);
            System.arraycopy(more, 0, joined, tokens.length - at, more.length);
            tokens = joined;
            at = 0;
        }
        int[] sequence = Arrays.copyOfRange(tokens, at, at + length);
        at += length - 1;
        return sequence;
    }
}
