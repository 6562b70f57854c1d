package dev.quern.kernels;

import static dev.quern.kernels.Assembler.R10;
import static dev.quern.kernels.Assembler.R11;
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
import java.util.concurrent.ConcurrentHashMap;

/// Writes the machine code of one token times tiles of `LookupPanels`: 64 indices at a time are looked up in tables of
/// bytes that lie in registers (`vpermi2b`, AVX-512 VBMI), and four places of 16 vectors multiplied at once
/// (`vpdpbusd`, VNNI). docs/adr/006.
///
/// A number of a centroid is `middle + scale · (u − 32768)` with `u = 256 · high + low`; components of a vector have
/// tables and scales of their own. For each block of 32 inputs and each component, exactly, in 32 bits:
/// `P = 256·Σ high·x_h + Σ high·x_l + Σ low·x_h + ⌊Σ low·x_l / 256⌋ − 128·Σ code` (inputs of 8 bits:
/// `P = 256·Σ high·x + Σ low·x − 32768·Σ code`), over both stages. Then `y = fma(float(P), input scale, y)`,
/// `s = s + input sum`, and at the end `y · scale' + middle · s`.
///
/// As many components go together as have their tables of one byte in 16 registers. First all high bytes are looked up,
/// then, with other tables in the same registers, all low ones: an index, its masks and its inputs are read twice for
/// all of them.
///
/// Registers: rdi walks over the indices, r10 over the inputs' records from rsi on, r9 holds the tables, rdx the
/// outputs, rcx counts tiles and r11 blocks; rax keeps the stack, which holds `s` and each component's y.
final class LookupProgram {
    private static final Map<LookupShape, LookupProgram> PROGRAMS = new ConcurrentHashMap<>();

    private static final int STEPS = LookupShape.STEPS;
    private static final int VECTOR_BYTES = LookupShape.VECTOR_BYTES;

    // vector registers, by use; tables from 0 on
    private static final int SUMS = 16;
    private static final int X = 24;
    private static final int INDEX = 26;
    private static final int FOUND = 27;

    /// The mask of indices from 128 on within 256, of those from 256 on, and one for the outputs.
    private static final int UPPER = 1;

    private static final int NINTH = 2;
    private static final int ALL = 3;

    private final LookupShape shape;
    private final Assembler a = new Assembler(512);
    private final MemorySegment code;

    private LookupProgram(LookupShape shape) {
        this.shape = shape;
        write();
        this.code = MachineCode.load(a.bytes());
    }

    /// The program of a shape that fits, written once. Only where `MachineCode.looksUp()`.
    static LookupProgram of(LookupShape shape) {
        return PROGRAMS.computeIfAbsent(shape, LookupProgram::new);
    }

    LookupShape shape() {
        return shape;
    }

    /// Sets `y [tiles · tileRows]`, floats outside the heap, from the records of one token.
    void token(long indices, long inputs, long y, long tiles, long blocks, long tables) {
        MachineCode.lookUps(code, indices, inputs, y, tiles, blocks, tables);
    }

    private void write() {
        a.move(RAX, RSP);
        a.and(RSP, -VECTOR_BYTES);
        a.addConstant(RSP, -VECTOR_BYTES * (shape.length() + 1));
        int tile = a.here();
        a.move(R10, RSI);
        a.move(R11, R8);
        a.zero(X);
        for (int c = 0; c <= shape.length(); c++) {
            a.storeVector(RSP, c * VECTOR_BYTES, X);
        }
        int block = a.here();
        for (int c = 0; c < shape.length(); c += shape.together()) {
            components(c, Math.min(shape.together(), shape.length() - c));
        }
        a.broadcast(X, R10, InputBlocks.inputSumAt(shape.levels(), 1, 0));
        a.add(X, X, RSP, shape.length() * VECTOR_BYTES);
        a.storeVector(RSP, shape.length() * VECTOR_BYTES, X);
        a.addConstant(RDI, shape.blockBytes());
        a.addConstant(R10, InputBlocks.record(shape.levels()));
        a.decrement(R11);
        a.jumpIfNotZero(block);
        end();
        a.addConstant(RDX, shape.tileRows() * Float.BYTES);
        a.decrement(RCX);
        a.jumpIfNotZero(tile);
        a.move(RSP, RAX);
        a.endOfVectors();
        a.ret();
    }

    /// Adds a block's products to the sums of `count` components.
    private void components(int from, int count) {
        for (int i = 0; i < count * shape.levels(); i++) {
            a.zero(SUMS + i);
        }
        for (int half = 0; half < 2; half++) {
            for (int stage = 0; stage < shape.stages(); stage++) {
                int tables = shape.tables(stage);
                for (int t = 0; t < count * tables; t++) {
                    int at = shape.tableAt(stage, from + t / tables) + (half * tables + t % tables) * VECTOR_BYTES;
                    a.loadVector(t, R9, at);
                }
                for (int step = 0; step < STEPS; step++) {
                    if (from == 0 && half == 0) {
                        a.prefetch(RDI, SystemMemory.AHEAD + shape.stageAt(stage) + step * SystemMemory.LINE);
                    }
                    step(stage, step, count);
                }
            }
            if (half == 0) {
                highDone(count);
            }
        }
        for (int i = 0; i < count; i++) {
            whole(i, from + i);
        }
    }

    /// Adds the products of four places: inputs' high bytes to the first of a component's sums, low ones to the second.
    private void step(int stage, int step, int count) {
        a.loadVector(INDEX, RDI, shape.stageAt(stage) + step * VECTOR_BYTES);
        for (int level = 0; level < shape.levels(); level++) {
            a.broadcast(X + level, R10, level * PanelFormat.BLOCK + 4 * step);
        }
        int tables = shape.tables(stage);
        if (tables > 2) {
            a.highBits(UPPER, INDEX);
        }
        if (tables > 4) {
            a.loadMask(NINTH, RDI, shape.ninthAt() + step * Long.BYTES);
        }
        for (int i = 0; i < count; i++) {
            lookUp(i * tables, tables, shape.stageAt(stage) + step * VECTOR_BYTES);
            for (int level = 0; level < shape.levels(); level++) {
                a.dot(SUMS + i * shape.levels() + level, FOUND, X + level);
            }
        }
    }

    /// The bytes that the indices name in `tables` registers from `first` on.
    private void lookUp(int first, int tables, int indexAt) {
        if (tables == 1) {
            a.look64(FOUND, INDEX, first);
            return;
        }
        for (int pair = 0; pair < tables / 2; pair++) {
            // loads are free here, the units that copy registers are not
            a.loadVector(FOUND + pair, RDI, indexAt);
            a.look128(FOUND + pair, first + 2 * pair, first + 2 * pair + 1);
        }
        for (int pair = 0; pair < tables / 2 - 1; pair += 2) {
            a.blendBytes(FOUND + pair, UPPER, FOUND + pair, FOUND + pair + 1);
        }
        if (tables > 4) {
            a.blendBytes(FOUND, NINTH, FOUND, FOUND + 2);
        }
    }

    /// High bytes count 256 times; what the inputs' low ones gave joins, so that its sum is free for low bytes.
    private void highDone(int count) {
        for (int i = 0; i < count; i++) {
            int sum = SUMS + i * shape.levels();
            a.shiftLeft32(sum, sum, 8);
            if (shape.levels() == 2) {
                a.add32(sum, sum, sum + 1);
                a.zero(sum + 1);
            }
        }
    }

    /// Adds the sums of component `c`, less what 32768 too much in each number made, to its output.
    private void whole(int i, int c) {
        int sum = SUMS + i * shape.levels();
        if (shape.levels() == 2) {
            a.shiftRightSigned32(sum + 1, sum + 1, 8);
            a.add32(sum, sum, sum + 1);
        }
        a.broadcast(FOUND, R10, InputBlocks.sumAt(shape.levels(), 1, 0));
        a.shiftLeft32(FOUND, FOUND, (shape.levels() == 2 ? 7 : 15) + shape.stages() - 1);
        a.add32(sum, sum, FOUND);
        a.toFloats(sum, sum);
        a.broadcast(X, R10, InputBlocks.scaleAt(shape.levels()));
        a.multiplyAddMemory(sum, X, RSP, c * VECTOR_BYTES);
        a.storeVector(RSP, c * VECTOR_BYTES, sum);
    }

    private void end() {
        a.loadVector(INDEX, R9, shape.offsetsAt());
        for (int c = 0; c < shape.length(); c++) {
            int scale = shape.scalesAt() + 2 * c * Float.BYTES;
            a.broadcast(X, R9, scale + Float.BYTES);
            a.multiply(FOUND, X, RSP, shape.length() * VECTOR_BYTES);
            a.broadcast(X, R9, scale);
            a.loadVector(SUMS, RSP, c * VECTOR_BYTES);
            a.multiplyAdd(FOUND, SUMS, X);
            a.setMask(ALL);
            a.scatter(RDX, INDEX, c * Float.BYTES, FOUND, ALL);
        }
    }
}
