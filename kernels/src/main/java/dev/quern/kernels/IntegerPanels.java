package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// A weight in a `PanelFormat`, outside the heap: filled a panel of 32 rows at a time, then only read.
///
/// Rows past the end and inputs past the end are zeros. `units` units make a row.
final class IntegerPanels {
    private static final int ROWS = PanelFormat.ROWS;
    private static final int BLOCK = PanelFormat.BLOCK;

    private static final VarHandle FOUR = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int EACH_BYTE = 0x01010101;

    private final int rows;
    private final int units;
    private final PanelFormat format;
    private final MemorySegment memory;

    IntegerPanels(int rows, int units, PanelFormat format) {
        this.rows = rows;
        this.units = units;
        this.format = format;
        this.memory = SystemMemory.allocate(Math.ceilDiv(rows, ROWS) * panelBytes());
    }

    int rows() {
        return rows;
    }

    int units() {
        return units;
    }

    PanelFormat format() {
        return format;
    }

    /// Blocks of 32 inputs of a row.
    int blocks() {
        return units * format.blocks();
    }

    int panels() {
        return Math.ceilDiv(rows, ROWS);
    }

    long panelBytes() {
        return (long) units * format.unitBytes();
    }

    long bytes() {
        return memory.byteSize();
    }

    /// Where panel `panel` begins. The memory lives as long as this object is reachable.
    long address(int panel) {
        return memory.address() + panel * panelBytes();
    }

    /// One panel being filled, in an array of the heap; `store` copies it to its place.
    final class Filling {
        private final byte[] bytes = new byte[Math.toIntExact(panelBytes())];
        private final MemorySegment segment = MemorySegment.ofArray(bytes);

        /// Codes `0 … 2^bits − 1` of a row, by place; `count` of them, a multiple of 4. Four go together: the same bits
        /// of each are one plane's.
        void codes(int row, byte[] codes, int count) {
            int[] planes = format.planes();
            int half = row % ROWS / 16 * format.halfBytes() + row % 16 * 4;
            for (int from = 0; from < count; from += 4) {
                int at = blockAt(from / BLOCK) + half;
                int j = from % BLOCK / 4;
                int four = (int) FOUR.get(codes, from);
                for (int width : planes) {
                    int place = at + 64 * (j % width);
                    int low = four & ((1 << width) - 1) * EACH_BYTE;
                    FOUR.set(bytes, place, (int) FOUR.get(bytes, place) | low << width * (j / width));
                    four = four >>> width & ((1 << 8 - width) - 1) * EACH_BYTE;
                    at += 64 * width;
                }
            }
        }

        /// The codes of `count` blocks of a row as words (`BlockWords`), from block `block` on.
        void words(int row, int block, int[] words, int count) {
            int half = row % ROWS / 16 * format.halfBytes() + row % 16 * 4;
            for (int b = 0, w = 0; b < count; b++) {
                int at = blockAt(block + b) + half;
                for (int j = 0; j < format.bits(); j++, at += 64) {
                    FOUR.set(bytes, at, words[w++]);
                }
            }
        }

        /// The scale of a group of a row, and its zero or minimum.
        void scale(int row, int group, float scale, float shift) {
            int at = group / format.subs() * format.unitBytes() + group % format.subs() * format.subBytes();
            put(at + row % ROWS * format.scales().bytes, scale);
            if (format.shifted()) {
                put(at + format.shiftAt() + row % ROWS * format.scales().bytes, shift);
            }
        }

        private void put(int at, float value) {
            if (format.scales() == PanelFormat.Scales.HALF) {
                segment.set(Tensor.SHORT, at, Float.floatToFloat16(value));
            } else {
                segment.set(Tensor.FLOAT, at, value);
            }
        }

        /// The floats of a unit that its small scales and minima multiply.
        void units(int row, int unit, float scale, float minimum) {
            int at = unit * format.unitBytes() + row % ROWS * 4;
            segment.set(Tensor.FLOAT, at, scale);
            if (format.shifted()) {
                segment.set(Tensor.FLOAT, at + ROWS * 4, minimum);
            }
        }

        /// A small scale, and minimum, of a group within its unit.
        void small(int row, int unit, int group, int scale, int minimum) {
            int at = unit * format.unitBytes() + format.smallAt() + group * ROWS + row % ROWS;
            bytes[at] = (byte) scale;
            if (format.shifted()) {
                bytes[at + format.smallBytes()] = (byte) minimum;
            }
        }

        /// Copies the panel to its place and clears this one for the next.
        void store(int panel) {
            MemorySegment.copy(segment, 0, memory, panel * panelBytes(), bytes.length);
            Arrays.fill(bytes, (byte) 0);
        }
    }

    private int blockAt(int block) {
        return block / format.blocks() * format.unitBytes()
                + format.headerBytes()
                + block % format.blocks() * format.blockBytes();
    }

    /// The value of the code at one place, less the bias: what is multiplied.
    int code(int row, int place) {
        long at = row / ROWS * panelBytes() + blockAt(place / BLOCK) + row % ROWS / 16 * format.halfBytes();
        at += row % 16 * 4 + place % 4;
        int j = place % BLOCK / 4;
        int code = 0;
        int shift = 0;
        for (int width : format.planes()) {
            int held = memory.get(JAVA_BYTE, at + 64 * (j % width)) & 0xFF;
            code |= (held >> width * (j / width) & (1 << width) - 1) << shift;
            shift += width;
            at += 64 * width;
        }
        byte[] table = format.table();
        return table == null ? code - format.bias() : table[code];
    }

    /// The scale of the group that a place belongs to.
    float scale(int row, int place) {
        return value(row, place, 0, 0);
    }

    /// Its zero or minimum.
    float shift(int row, int place) {
        return value(row, place, format.shiftAt(), 4 * ROWS);
    }

    private float value(int row, int place, int more, int moreUnits) {
        int block = place / BLOCK;
        int sub = place % BLOCK * format.subs() / BLOCK;
        int lane = row % ROWS;
        long at = row / ROWS * panelBytes() + (long) block / format.blocks() * format.unitBytes();
        return switch (format.scales()) {
            case HALF -> Float.float16ToFloat(memory.get(Tensor.SHORT, at + sub * format.subBytes() + more + 2 * lane));
            case FLOAT -> memory.get(Tensor.FLOAT, at + sub * format.subBytes() + more + 4 * lane);
            case SUPER -> {
                int group = block % format.blocks() * format.subs() + sub;
                byte small = memory.get(JAVA_BYTE, at + format.smallAt() + group * ROWS + more + lane);
                yield small * memory.get(Tensor.FLOAT, at + moreUnits + 4 * lane);
            }
        };
    }
}
