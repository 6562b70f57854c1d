package dev.quern.kernels;

import static dev.quern.kernels.Assembler.R10;
import static dev.quern.kernels.Assembler.R8;
import static dev.quern.kernels.Assembler.R9;
import static dev.quern.kernels.Assembler.RAX;
import static dev.quern.kernels.Assembler.RCX;
import static dev.quern.kernels.Assembler.RDI;
import static dev.quern.kernels.Assembler.RDX;
import static dev.quern.kernels.Assembler.RSI;
import static dev.quern.kernels.Assembler.RSP;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/// `C (+)= A · B` in machine code for attention, B float16 and widened in registers; A and C floats (docs/adr/006).
///
/// Sums are those of `Product` over B widened, to the bit: one fused multiply-add a term, in order, and what C held is
/// added at the end. The Vector API has no conversion, so in Java B goes through memory once more, and `Product`
/// multiplies six rows where a token has three. All memory lies in the heap.
///
/// Registers: rax walks over A, rdx over B, r8 holds C, r10 how many terms, r9 counts them.
final class HalfProduct {
    private static final Map<Key, MemorySegment> PROGRAMS = new ConcurrentHashMap<>();

    /// The most rows of A that one call multiplies: 24 accumulators of 32 registers, or 12 of 16.
    private static final int ROWS = 6;

    /// Sizes that the code is written for: columns in sixteens; strides of A and C in floats, that of B is `columns`.
    private record Key(MachineCode.Isa isa, int rows, int columns, int aStride, int cStride, boolean add) {}

    private final MemorySegment[] codes = new MemorySegment[ROWS];
    private final int columns;
    private final int aStride;
    private final int cStride;

    /// For `B [k, columns]`, columns a multiple of 16; `add` adds to C, else C is set. Strides in floats.
    HalfProduct(MachineCode.Isa isa, int columns, int aStride, int cStride, boolean add) {
        if (columns % 16 != 0) {
            throw new IllegalArgumentException("columns come in sixteens, not " + columns);
        }
        this.columns = columns;
        this.aStride = aStride;
        this.cStride = cStride;
        for (int rows = 1; rows <= ROWS; rows++) {
            codes[rows - 1] = PROGRAMS.computeIfAbsent(
                    new Key(isa, rows, columns, aStride, cStride, add), key -> MachineCode.load(code(key)));
        }
    }

    /// Multiplies `A [rows, k]` by the `k ≥ 1` rows of B that begin at its element `b0`.
    void multiply(MemorySegment a, int rows, MemorySegment b, long b0, int k, MemorySegment c) {
        Objects.checkFromIndexSize(0, ((rows - 1L) * aStride + k) * Float.BYTES, a.byteSize());
        Objects.checkFromIndexSize(b0 * Short.BYTES, (long) k * columns * Short.BYTES, b.byteSize());
        Objects.checkFromIndexSize(0, ((rows - 1L) * cStride + columns) * Float.BYTES, c.byteSize());
        if (k < 1) {
            throw new IllegalArgumentException("a product has at least one term, not " + k);
        }
        // seven rows are four and three: six and one would wait for one row's sums
        int each = Math.ceilDiv(rows, Math.ceilDiv(rows, ROWS));
        for (int row = 0; row < rows; row += each) {
            long aAt = (long) row * aStride * Float.BYTES;
            long cAt = (long) row * cStride * Float.BYTES;
            MemorySegment code = codes[Math.min(each, rows - row) - 1];
            MachineCode.halves(code, a, aAt, b, b0 * Short.BYTES, c, cAt, k);
        }
    }

    private static byte[] code(Key key) {
        Assembler a = new Assembler(key.isa.bits);
        int lanes = key.isa.bits / Float.SIZE;
        a.load(R10, RSP, 8);
        a.add(RDI, RSI);
        a.add(RDX, RCX);
        a.move(RSI, RDX);
        a.add(R8, R9);
        int vectors = key.columns / lanes;
        // accumulators, as many of B, and one of A
        int room = ((key.isa.bits == 512 ? 32 : 16) - 1) / (key.rows + 1);
        int each = Math.ceilDiv(vectors, Math.ceilDiv(vectors, room));
        for (int from = 0; from < vectors; from += each) {
            part(a, key, lanes, from, Math.min(each, vectors - from));
        }
        a.endOfVectors();
        a.ret();
        return a.bytes();
    }

    /// The columns of the vectors `from … from + vectors − 1`.
    private static void part(Assembler a, Key key, int lanes, int from, int vectors) {
        int b = key.rows * vectors;
        int x = b + vectors;
        a.move(RAX, RDI);
        a.address(RDX, RSI, from * lanes * Short.BYTES);
        a.move(R9, R10);
        for (int i = 0; i < b; i++) {
            a.zero(i);
        }
        int term = a.here();
        for (int v = 0; v < vectors; v++) {
            a.halvesToFloats(b + v, RDX, v * lanes * Short.BYTES);
        }
        for (int r = 0; r < key.rows; r++) {
            a.broadcast(x, RAX, r * key.aStride * Float.BYTES);
            for (int v = 0; v < vectors; v++) {
                a.multiplyAdd(r * vectors + v, x, b + v);
            }
        }
        a.addConstant(RAX, Float.BYTES);
        a.addConstant(RDX, key.columns * Short.BYTES);
        a.decrement(R9);
        a.jumpIfNotZero(term);
        for (int r = 0; r < key.rows; r++) {
            for (int v = 0; v < vectors; v++) {
                int at = (r * key.cStride + (from + v) * lanes) * Float.BYTES;
                if (key.add) {
                    a.add(r * vectors + v, r * vectors + v, R8, at);
                }
                a.storeVector(R8, at, r * vectors + v);
            }
        }
    }
}
