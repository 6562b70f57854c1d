package dev.quern.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.quern.core.QuernException;

/// The native tokenizer behind a handle. Only this class touches DJL.
///
/// It speaks to DJL's JNI layer and not to its `HuggingFaceTokenizer`, which truncates at 512 tokens unless told not
/// to,
/// builds word and span arrays nobody here reads, and reports its use to its makers. The native library comes out of
/// the jar into DJL's cache folder (`~/.djl.ai`, or `DJL_CACHE_DIR`); nothing is ever downloaded. Calls may come from
/// any thread, but not after `close`.
final class RustTokenizer implements AutoCloseable {
    static {
        // The CPU build is in the jar; a GPU build would be fetched from the net on machines with CUDA.
        System.setProperty("RUST_FLAVOR", "cpu");
        System.setProperty("ai.djl.offline", "true");
    }

    private final long handle;
    private boolean closed;

    /// `origin` names the file in error messages.
    RustTokenizer(String tokenizerJson, String origin) {
        load();
        try {
            handle = TokenizersLibrary.LIB.createTokenizerFromString(tokenizerJson);
            TokenizersLibrary.LIB.disableTruncation(handle);
            TokenizersLibrary.LIB.disablePadding(handle);
        } catch (RuntimeException e) {
            throw new QuernException(
                    origin + ": not a tokenizer the tokenizers library can read: " + rootMessage(e), e);
        }
    }

    static void load() {
        try {
            LibUtils.checkStatus();
        } catch (RuntimeException | LinkageError e) {
            throw new QuernException(
                    "tokenizer library does not load on " + System.getProperty("os.name") + " "
                            + System.getProperty("os.arch")
                            + " (" + rootMessage(e)
                            + "); it exists for Linux x86_64 and aarch64, macOS aarch64 and Windows x86_64",
                    e);
        }
    }

    synchronized int[] encode(String text, boolean addSpecialTokens) {
        long encoding = TokenizersLibrary.LIB.encode(open(), wellFormed(text), addSpecialTokens);
        try {
            long[] ids = TokenizersLibrary.LIB.getTokenIds(encoding);
            int[] tokens = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                tokens[i] = Math.toIntExact(ids[i]);
            }
            return tokens;
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
    }

    synchronized String decode(int[] tokens, int from, int to, boolean skipSpecialTokens) {
        long[] ids = new long[to - from];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokens[from + i];
        }
        return TokenizersLibrary.LIB.decode(open(), ids, skipSpecialTokens);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            TokenizersLibrary.LIB.deleteTokenizer(handle);
        }
    }

    private long open() {
        if (closed) {
            throw new IllegalStateException("the tokenizer is closed");
        }
        return handle;
    }

    /// Half a surrogate pair has no UTF-8 form: it becomes U+FFFD, as every UTF-8 encoder would have it.
    private static String wellFormed(String text) {
        StringBuilder mended = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                mended = mended == null ? new StringBuilder(text) : mended;
                mended.setCharAt(i, '\uFFFD');
            }
        }
        return mended == null ? text : mended.toString();
    }

    private static String rootMessage(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage();
        return message == null
                ? root.getClass().getSimpleName()
                : message.lines().findFirst().orElse("");
    }
}
