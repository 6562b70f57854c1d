package dev.quern.eval;

import dev.quern.core.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/// How a text is cut for perplexity. The two give different numbers: only results of one protocol compare.
///
/// `firstScored` is the first position whose prediction counts: the logits after it are held against the next token.
/// `replaceFirst` is written over each window's first token where set.
public record Windows(String protocol, int size, int firstScored, OptionalInt replaceFirst) {
    public Windows {
        if (size < 2 || firstScored < 0 || firstScored > size - 2) {
            throw new UsageException("--window " + size + ": a window needs at least 2 tokens, one to predict from");
        }
    }

    /// As in the papers: no overlap, the tail dropped, all but the first token of a window predicted.
    public static Windows paper(int size) {
        return new Windows("paper", size, 0, OptionalInt.empty());
    }

    /// As llama.cpp's perplexity tool: BOS over the first token of each window, the second half scored (logits
    /// `size / 2 … size − 2`), so that each prediction has some context. `bos` empty where the tokenizer adds none.
    public static Windows llamaCpp(int size, OptionalInt bos) {
        return new Windows("llama.cpp", size, size < 4 ? 0 : size / 2, bos);
    }

    /// The windows of `tokens`, at most `max` (0 = all); throws `UsageException` where the text is shorter than one.
    public List<int[]> cut(int[] tokens, int max) {
        int count = tokens.length / size;
        if (count == 0) {
            throw new UsageException("the text has " + tokens.length + " tokens, less than one window of " + size
                    + "; use a longer text or a smaller --window");
        }
        if (max > 0) {
            count = Math.min(count, max);
        }
        List<int[]> windows = new ArrayList<>(count);
        for (int w = 0; w < count; w++) {
            int[] window = Arrays.copyOfRange(tokens, w * size, (w + 1) * size);
            replaceFirst.ifPresent(bos -> window[0] = bos);
            windows.add(window);
        }
        return windows;
    }
}
