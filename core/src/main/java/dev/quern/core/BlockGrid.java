package dev.quern.core;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Locale;

/// The codebooks of GGUF's grid types: short runs of magnitudes (of −1, 0, 1 for `IQ1`) that a block names by number.
///
/// The tables are part of the format. A resource holds each run as 4 hexadecimal digits of 16 bits: 2 or 3 bits
/// for each place, the first lowest, counting into the levels.
public enum BlockGrid {
    IQ2_XXS(256, 8, 8, 25, 43),
    IQ2_XS(512, 8, 8, 25, 43),
    IQ2_S(1024, 8, 8, 25, 43),
    IQ3_XXS(256, 4, 4, 12, 20, 28, 36, 44, 52, 62),
    IQ3_S(512, 4, 1, 3, 5, 7, 9, 11, 13, 15),
    IQ1(2048, 8, -1, 0, 1);

    private final int entries;
    private final int width;
    private final byte[] values;
    private final int[] levels;

    BlockGrid(int entries, int width, int... levels) {
        this.entries = entries;
        this.width = width;
        this.levels = levels;
        this.values = new byte[entries * width];
        int bits = width == 8 ? 2 : 3;
        byte[] runs = resource(name().toLowerCase(Locale.ROOT) + ".grid", 2 * entries);
        for (int i = 0; i < values.length; i++) {
            int run = (runs[i / width * 2] & 0xFF) << 8 | runs[i / width * 2 + 1] & 0xFF;
            int level = run >> bits * (i % width) & (1 << bits) - 1;
            values[i] = (byte) levels[level];
        }
    }

    /// Number of runs.
    public int entries() {
        return entries;
    }

    /// Places of a run.
    public int width() {
        return width;
    }

    /// What can stand at a place, rising.
    int[] levels() {
        return levels.clone();
    }

    /// What stands at place `place` of run `entry`.
    public int value(int entry, int place) {
        return values[entry * width + place];
    }

    private static byte[] resource(String name, int bytes) {
        try (InputStream in = BlockGrid.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("no resource " + name + " beside " + BlockGrid.class.getName());
            }
            String digits = new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", "");
            byte[] runs = HexFormat.of().parseHex(digits);
            if (runs.length != bytes) {
                throw new IllegalStateException(name + " holds " + runs.length + " bytes, not " + bytes);
            }
            return runs;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
