package dev.quern.core;

/// How the KV cache holds keys and values: as codes of `bits` 2, 4 or 8, as float16 (16) or as the floats they are
/// (32).
///
/// In float16 every position is rounded once, when it comes, to the nearest finite number; the rest of
/// the scheme is for codes. Keys (after the rotary embedding) are quantized per head and channel over
/// `groupSize` consecutive positions, because their outliers stay in the same channels; values per head
/// and token over `groupSize` consecutive features (KIVI, arXiv:2402.02750). Both asymmetric with F16
/// scale and minimum: `x ≈ minimum + scale · code`.
///
/// Positions are quantized in blocks of 64, once, when they are old enough: a token at position t sees positions in
/// block `b = p / 64` as codes where `t / 64 − b > recent / 64`, others as floats. So at least the latest `recent` + 1
/// positions are floats, and the result does not depend on how the text was cut. The `first` positions of the sequence,
/// which draw much attention, stay floats for good and do not count for ranges.
public record KvScheme(int bits, int groupSize, int recent, int first) {
    /// Positions that are quantized together.
    public static final int BLOCK = 64;

    /// Keys and values stay floats.
    public static final KvScheme FLOAT = new KvScheme(32, BLOCK, 0, 0);

    /// Keys and values are float16.
    public static final KvScheme HALF = new KvScheme(16, BLOCK, 0, 0);

    public KvScheme {
        if (bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 32) {
            throw new UsageException("kv-bits is 2, 4, 8, 16 or 32, not " + bits);
        }
        if (groupSize != 32 && groupSize != BLOCK) {
            throw new UsageException("kv groups hold 32 or 64, not " + groupSize);
        }
        if (recent < 0 || recent % BLOCK != 0) {
            throw new UsageException("kv recent is a multiple of " + BLOCK + ", not " + recent);
        }
        if (first < 0 || first > 31) {
            throw new UsageException("kv first is 0 … 31, not " + first);
        }
    }

    /// The defaults for a width: groups of 32 at 2 bits, else 64; 64 recent and 4 first positions stay floats.
    public static KvScheme of(int bits) {
        return switch (bits) {
            case 32 -> FLOAT;
            case 16 -> HALF;
            default -> new KvScheme(bits, bits == 2 ? 32 : BLOCK, BLOCK, 4);
        };
    }

    /// True where old positions become codes.
    public boolean quantizes() {
        return bits < 16;
    }

    /// True where keys and values are float16.
    public boolean halves() {
        return bits == 16;
    }

    /// The largest code.
    public int qmax() {
        return (1 << bits) - 1;
    }

    /// How many of a sequence's blocks a token at `position` sees as codes.
    public int closedBlocks(int position) {
        return quantizes() ? Math.max(0, position / BLOCK - recent / BLOCK) : 0;
    }

    /// For instance `kv4`.
    @Override
    public String toString() {
        return "kv" + bits;
    }
}
