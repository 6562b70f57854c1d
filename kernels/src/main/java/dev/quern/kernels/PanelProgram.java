package dev.quern.kernels;

import static dev.quern.kernels.Assembler.R10;
import static dev.quern.kernels.Assembler.R11;
import static dev.quern.kernels.Assembler.R12;
import static dev.quern.kernels.Assembler.R13;
import static dev.quern.kernels.Assembler.R8;
import static dev.quern.kernels.Assembler.R9;
import static dev.quern.kernels.Assembler.RAX;
import static dev.quern.kernels.Assembler.RBP;
import static dev.quern.kernels.Assembler.RBX;
import static dev.quern.kernels.Assembler.RCX;
import static dev.quern.kernels.Assembler.RDI;
import static dev.quern.kernels.Assembler.RDX;
import static dev.quern.kernels.Assembler.RSI;
import static dev.quern.kernels.Assembler.RSP;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Writes the two programs of a `PanelFormat`: one token times many panels, and blocks of 8 tokens times one panel.
///
/// Both do, for each block of 32 inputs (or half of one) of each row, in this order: an exact sum of products of codes
/// in 32 bits, `f = float(sum) · input scale`, for zeros `f −= zero · input sum`, `y = fma(f, scale, y)`, for minima
/// `y = fma(minimum, input sum, y)`. So results are the same to the bit with every set of instructions, for one token
/// as within a batch, and in `PanelScalar`.
///
/// A lane belongs to a row. Four inputs of a row are neighbours and meet the same four of the token in every lane.
/// Without the instruction for four products (AVX2), pairs of products are summed in 16 bits: of codes up to 15 the
/// eight steps of a block fit (8 · 2 · 15 · 127 = 30480), wider ones are widened after each step, whole bytes are made
/// signed first, so that two products fit (2 · 128 · 127).
///
/// Registers: rax walks over the weights, rbx over the inputs, r11 is the unit's header, r10 its small scales, r12 and
/// r13 count units and blocks.
final class PanelProgram {
    /// Where sums wait on the stack, behind the outputs of 8 tokens.
    private static final int CARRIED = 512;

    private static final Map<Key, PanelProgram> PROGRAMS = new ConcurrentHashMap<>();

    private record Key(MachineCode.Isa isa, PanelFormat format, int levels) {}

    private final MachineCode.Isa isa;
    private final PanelFormat format;
    private final int levels;
    private final Assembler a;
    private final boolean wide;
    private final int vectorBytes;
    private final int lanes;

    // vector registers, by use
    private final int[] codes;
    private final int x;
    private final int temporary;
    private final int second;
    private final int[] masks;
    private final int ones;
    private final int tableRegister;
    private int tableAt;

    /// Entry points.
    private final MemorySegment token;

    private final MemorySegment tokens;

    private PanelProgram(MachineCode.Isa isa, PanelFormat format, int levels) {
        this.isa = isa;
        this.format = format;
        this.levels = levels;
        this.a = new Assembler(isa.bits);
        this.wide = isa.bits == 512;
        this.vectorBytes = isa.bits / 8;
        this.lanes = isa.bits / 32;
        int base = wide ? 16 : 8;
        this.codes = new int[] {base, base + 1};
        this.x = base + 2;
        this.temporary = base + 3;
        this.second = base + 4;
        this.masks = new int[] {base + 5, base + 6};
        // a format with a table has one mask
        this.tableRegister = base + 6;
        this.ones = base + 7;
        if (format.table() != null) {
            tableAt = a.here();
            byte[] values = format.table().clone();
            for (int i = 0; i < values.length; i++) {
                values[i] += isa.dots ? (byte) format.bias() : 0;
            }
            a.data(values);
        }
        int tokenAt = a.here();
        oneToken();
        int tokensAt = a.here();
        manyTokens();
        MemorySegment memory = MachineCode.load(a.bytes());
        this.token = memory.asSlice(tokenAt);
        this.tokens = memory.asSlice(tokensAt);
    }

    /// Levels of the activations' codes.
    int levels() {
        return levels;
    }

    /// The programs of a format and of codes of one level or two, written once.
    static PanelProgram of(MachineCode.Isa isa, PanelFormat format, int levels) {
        return PROGRAMS.computeIfAbsent(
                new Key(isa, format, levels), key -> new PanelProgram(key.isa, key.format, key.levels));
    }

    /// Sets `y [panels · 32]`, floats outside the heap, from the inputs of one token.
    void token(long weights, long inputs, long y, long panels, long units) {
        MachineCode.token(token, weights, inputs, y, panels, units);
    }

    /// Sets 32 floats of each of `8 · blocks` rows of y, `stride` bytes apart, from one panel.
    void tokens(long weights, long inputs, MemorySegment y, long blocks, long units, long stride) {
        MachineCode.tokens(tokens, weights, inputs, y, blocks, units, stride);
    }

    /// Part of a panel and of a block of tokens, whose sums stay in registers.
    private record Tile(int firstVector, int vectors, int firstToken, int tokens, boolean inMemory) {
        int sum(int vector, int token) {
            return vector * tokens + token;
        }
    }

    private void oneToken() {
        enter();
        int panel = a.here();
        int vectors = PanelFormat.ROWS / lanes;
        Tile tile = new Tile(0, vectors, 0, 1, false);
        a.move(RAX, RDI);
        a.move(RBX, RSI);
        for (int v = 0; v < vectors; v++) {
            a.zero(output(v));
        }
        units(tile, InputBlocks.record(levels));
        for (int v = 0; v < vectors; v++) {
            a.storeVector(RDX, v * vectorBytes, output(v));
        }
        a.move(RDI, RAX);
        a.addConstant(RDX, PanelFormat.ROWS * 4);
        a.decrement(RCX);
        a.jumpIfNotZero(panel);
        leave();
    }

    /// The output of one token stays in a register.
    private int output(int vector) {
        return 4 + vector;
    }

    private void manyTokens() {
        enter();
        int block = a.here();
        int some = wide ? InputBlocks.TOKENS : InputBlocks.TOKENS / 2;
        int passes = PanelFormat.ROWS / lanes / 2;
        for (int from = 0; from < InputBlocks.TOKENS; from += some) {
            for (int pass = 0; pass < passes; pass++) {
                Tile tile = new Tile(pass * 2, 2, from, some, true);
                a.move(RAX, RDI);
                a.move(RBX, RSI);
                a.zero(temporary);
                for (int i = 0; i < 2 * some; i++) {
                    a.storeVector(RSP, i * vectorBytes, temporary);
                }
                units(tile, InputBlocks.record(levels) * InputBlocks.TOKENS);
                a.move(R12, RDX);
                for (int t = 0; t < from; t++) {
                    a.add(R12, R9);
                }
                for (int t = 0; t < some; t++) {
                    for (int v = 0; v < 2; v++) {
                        a.loadVector(temporary, RSP, tile.sum(v, t) * vectorBytes);
                        a.storeVector(R12, (pass * 2 + v) * vectorBytes, temporary);
                    }
                    a.add(R12, R9);
                }
            }
        }
        a.move(RSI, RBX);
        a.move(RDX, R12);
        a.decrement(RCX);
        a.jumpIfNotZero(block);
        leave();
    }

    private void enter() {
        a.push(RBP);
        a.push(RBX);
        a.push(R12);
        a.push(R13);
        a.move(RBP, RSP);
        a.and(RSP, -64);
        a.addConstant(RSP, -1024);
        int[] planes = format.planes();
        if (format.bits() < 8) {
            int shift = 0;
            for (int p = 0; p < planes.length; p++) {
                a.broadcastConstant(masks[p], ((1 << planes[p]) - 1 << shift) * 0x01010101, RAX);
                shift += planes[p];
            }
        } else if (!isa.dots) {
            a.broadcastConstant(masks[0], 0x80808080, RAX);
        }
        if (format.table() != null) {
            a.broadcast128(tableRegister, tableAt);
        }
        if (!isa.dots) {
            a.broadcastConstant(ones, 0x00010001, RAX);
        }
    }

    private void leave() {
        a.endOfVectors();
        a.move(RSP, RBP);
        a.pop(R13);
        a.pop(R12);
        a.pop(RBX);
        a.pop(RBP);
        a.ret();
    }

    private void units(Tile tile, int step) {
        a.move(R12, R8);
        int unit = a.here();
        a.move(R11, RAX);
        if (format.scales() == PanelFormat.Scales.SUPER) {
            a.address(R10, RAX, format.smallAt());
        }
        a.addConstant(RAX, format.headerBytes());
        if (format.blocks() > 1) {
            a.constant(R13, format.blocks());
        }
        int block = a.here();
        for (int sub = 0; sub < format.subs(); sub++) {
            block(tile, sub);
        }
        a.addConstant(RAX, format.blockBytes());
        a.addConstant(RBX, step);
        if (format.scales() == PanelFormat.Scales.SUPER) {
            a.addConstant(R10, format.subs() * PanelFormat.ROWS);
        }
        if (format.blocks() > 1) {
            a.decrement(R13);
            a.jumpIfNotZero(block);
        }
        a.decrement(R12);
        a.jumpIfNotZero(unit);
    }

    private void block(Tile tile, int sub) {
        int steps = 8 / format.subs();
        begin(tile, sub);
        for (int level = 0; level < levels; level++) {
            if (level > 0) {
                carry(tile);
            }
            for (int j = sub * steps; j < (sub + 1) * steps; j++) {
                step(tile, j, level);
            }
        }
        end(tile, sub);
    }

    private void step(Tile tile, int j, int level) {
        int at = PanelFormat.BLOCK * level + 4 * j;
        if (tile.tokens == 1) {
            prefetch(j, level);
            a.broadcast(x, RBX, record(tile, 0) + at);
            for (int v = 0; v < tile.vectors; v++) {
                code(codes[0], tile.firstVector + v, j);
                products(tile.sum(v, 0), codes[0]);
            }
            return;
        }
        for (int v = 0; v < tile.vectors; v++) {
            code(codes[v], tile.firstVector + v, j);
        }
        for (int t = 0; t < tile.tokens; t++) {
            a.broadcast(x, RBX, record(tile, t) + at);
            for (int v = 0; v < tile.vectors; v++) {
                products(tile.sum(v, t), codes[v]);
            }
        }
    }

    /// Asks for a step's share of the lines of a later block.
    private void prefetch(int j, int level) {
        int lines = Math.ceilDiv(format.unitBytes() / format.blocks(), SystemMemory.LINE);
        int step = level * 8 + j;
        for (int line = lines * step / (8 * levels); line < lines * (step + 1) / (8 * levels); line++) {
            a.prefetch(RAX, SystemMemory.AHEAD + SystemMemory.LINE * line);
        }
    }

    /// Sums begin at zero; the last level's add −bias · the sum of the inputs' codes where codes are unsigned.
    private void begin(Tile tile, int sub) {
        for (int t = 0; t < tile.tokens; t++) {
            if (levels == 1 && isa.dots && format.bias() > 0) {
                a.broadcast(temporary, RBX, record(tile, t) + InputBlocks.sumAt(levels, format.subs(), sub));
                a.shiftLeft32(tile.sum(0, t), temporary, log2(format.bias()));
                for (int v = 1; v < tile.vectors; v++) {
                    a.or(tile.sum(v, t), tile.sum(0, t), tile.sum(0, t));
                }
            } else {
                for (int v = 0; v < tile.vectors; v++) {
                    a.zero(tile.sum(v, t));
                }
            }
        }
    }

    /// The sums over high bytes, times 256, stay for those over low bytes to be added; of 16 bits, on the stack.
    private void carry(Tile tile) {
        for (int i = 0; i < tile.vectors * tile.tokens; i++) {
            if (narrow()) {
                a.multiplyAdd16(i, i, ones);
            }
            a.shiftLeft32(i, i, 8);
            if (narrow()) {
                a.storeVector(RSP, CARRIED + i * vectorBytes, i);
                a.zero(i);
            }
        }
    }

    /// True where products are summed in 16 bits.
    private boolean narrow() {
        return !isa.dots && !format.wholeBytes() && format.bits() <= 4;
    }

    private int record(Tile tile, int t) {
        return (tile.firstToken + t) * InputBlocks.record(levels);
    }
    /// The codes of step `j` of the rows of a vector, one to a byte; signed where whole bytes meet AVX2.
    private void code(int target, int vector, int j) {
        int rowsAt = vector * vectorBytes;
        int at = rowsAt / 64 * format.halfBytes() + rowsAt % 64;
        if (format.bits() == 8) {
            a.loadVector(target, RAX, at + 64 * j);
            if (!isa.dots) {
                a.xor(target, target, masks[0]);
            }
            return;
        }
        int[] planes = format.planes();
        int to = 0;
        for (int p = 0; p < planes.length; p++) {
            int width = planes[p];
            int register = p == 0 ? target : temporary;
            a.loadVector(register, RAX, at + 64 * (j % width));
            int from = width * (j / width);
            if (from > to) {
                a.shiftRight16(register, register, from - to);
            } else if (to > from) {
                a.shiftLeft16(register, register, to - from);
            }
            if (p > 0 && wide) {
                a.orAnd(target, register, masks[p]);
            } else {
                a.and(register, register, masks[p]);
                if (p > 0) {
                    a.or(target, target, register);
                }
            }
            at += 64 * width;
            to += width;
        }
        if (format.table() != null) {
            a.shuffle(target, tableRegister, target);
        }
    }

    private void products(int sum, int code) {
        if (isa.dots) {
            a.dot(sum, code, x);
        } else if (format.wholeBytes()) {
            a.signBytes(second, x, code);
            a.absoluteBytes(temporary, code);
            a.multiplyAddBytes(temporary, temporary, second);
            a.multiplyAdd16(temporary, temporary, ones);
            a.add32(sum, sum, temporary);
        } else if (!narrow()) {
            a.multiplyAddBytes(temporary, code, x);
            a.multiplyAdd16(temporary, temporary, ones);
            a.add32(sum, sum, temporary);
        } else {
            a.multiplyAddBytes(temporary, code, x);
            a.add16(sum, sum, temporary);
        }
    }

    private void end(Tile tile, int sub) {
        int scale = codes[0];
        int shift = codes[1];
        for (int v = 0; v < tile.vectors; v++) {
            int row = (tile.firstVector + v) * lanes;
            scales(scale, shift, row, sub);
            for (int t = 0; t < tile.tokens; t++) {
                int sum = tile.sum(v, t);
                int record = record(tile, t);
                whole(sum, record, sub);
                a.toFloats(sum, sum);
                a.broadcast(x, RBX, record + InputBlocks.scaleAt(levels));
                a.multiply(sum, sum, x);
                if (format.shifted()) {
                    a.broadcast(x, RBX, record + InputBlocks.inputSumAt(levels, format.subs(), sub));
                }
                if (format.shift() == GroupScales.Shift.ZERO) {
                    a.multiplySubtract(sum, shift, x);
                }
                int y = output(v);
                if (tile.inMemory) {
                    a.multiplyAddMemory(sum, scale, RSP, tile.sum(v, t) * vectorBytes);
                    y = sum;
                } else {
                    a.multiplyAdd(y, sum, scale);
                }
                if (format.shift() == GroupScales.Shift.MINIMUM) {
                    a.multiplyAdd(y, shift, x);
                }
                if (tile.inMemory) {
                    a.storeVector(RSP, tile.sum(v, t) * vectorBytes, sum);
                }
            }
        }
    }

    /// Sums of 16 bits to 32, those of the level before added, and the bias, which signed codes do not have.
    private void whole(int sum, int record, int sub) {
        if (narrow()) {
            a.multiplyAdd16(sum, sum, ones);
            if (levels > 1) {
                a.add32(sum, sum, RSP, CARRIED + sum * vectorBytes);
            }
        }
        boolean signed = !isa.dots && format.wholeBytes();
        boolean begun = isa.dots && levels == 1;
        if (format.bias() > 0 && !signed && !begun) {
            a.broadcast(temporary, RBX, record + InputBlocks.sumAt(levels, format.subs(), sub));
            a.shiftLeft32(temporary, temporary, log2(format.bias()));
            a.add32(sum, sum, temporary);
        }
    }

    private void scales(int scale, int shift, int row, int sub) {
        int at = sub * format.subBytes();
        switch (format.scales()) {
            case HALF -> {
                a.halvesToFloats(scale, R11, at + 2 * row);
                if (format.shifted()) {
                    a.halvesToFloats(shift, R11, at + format.shiftAt() + 2 * row);
                }
            }
            case FLOAT -> {
                a.loadVector(scale, R11, at + 4 * row);
                if (format.shifted()) {
                    a.loadVector(shift, R11, at + format.shiftAt() + 4 * row);
                }
            }
            case SUPER -> {
                a.widenSigned(scale, R10, at + row);
                a.toFloats(scale, scale);
                a.multiply(scale, scale, R11, 4 * row);
                if (format.shifted()) {
                    a.widenSigned(shift, R10, at + format.shiftAt() + row);
                    a.toFloats(shift, shift);
                    a.multiply(shift, shift, R11, 4 * PanelFormat.ROWS + 4 * row);
                }
            }
        }
    }

    private static int log2(int powerOfTwo) {
        return Integer.numberOfTrailingZeros(powerOfTwo);
    }
}
