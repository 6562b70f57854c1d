package dev.quern.kernels;

import static dev.quern.kernels.Assembler.RAX;
import static dev.quern.kernels.Assembler.RCX;
import static dev.quern.kernels.Assembler.RDI;
import static dev.quern.kernels.Assembler.RDX;
import static dev.quern.kernels.Assembler.RSI;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// Writes the machine code of one token times a panel of dense weights (docs/adr/006).
///
/// It does what the loops of `FloatPanels`, `F16Panels` and `Bf16Panels` do, to the bit, and one thing that Java has no
/// word for: it asks memory for lines before it needs them (`SystemMemory.AHEAD`).
///
/// Registers: rdi walks over the weights, rsi over the inputs, rdx holds the outputs, rcx counts.
final class DenseProgram {
    private static final Map<Key, DenseProgram> PROGRAMS = new ConcurrentHashMap<>();

    /// How weights lie in a panel: `[k][64]` floats or float16, or bfloat16 two inputs to an int.
    enum Kind {
        F32(1, 4),
        F16(1, 2),
        BF16(2, 2);

        /// Inputs of one step of the loop.
        final int inputs;

        private final int bytes;

        Kind(int inputs, int bytes) {
            this.inputs = inputs;
            this.bytes = bytes;
        }

        private int stepBytes() {
            return inputs * bytes * Panels.ROWS;
        }

        /// Bytes of a panel of `cols` inputs.
        long bytes(int cols) {
            return (long) cols * bytes * Panels.ROWS;
        }
    }

    private record Key(MachineCode.Isa isa, Kind kind) {}

    private final Kind kind;
    private final Assembler a;
    private final int vectorBytes;
    private final int vectors;
    private final int x;
    private final int second;
    private final int weight;
    private final int mask;
    private final MemorySegment code;

    private DenseProgram(Key key) {
        this.kind = key.kind;
        this.a = new Assembler(key.isa.bits);
        this.vectorBytes = key.isa.bits / 8;
        this.vectors = Panels.ROWS * Float.BYTES / vectorBytes;
        this.x = vectors;
        this.second = vectors + 1;
        this.weight = vectors + 2;
        this.mask = vectors + 3;
        write();
        this.code = MachineCode.load(a.bytes());
    }

    /// The program of this machine; empty where there is no machine code.
    static Optional<DenseProgram> of(Kind kind) {
        return MachineCode.isa().map(isa -> of(isa, kind));
    }

    /// The program for a set of instructions, written once.
    static DenseProgram of(MachineCode.Isa isa, Kind kind) {
        return PROGRAMS.computeIfAbsent(new Key(isa, kind), DenseProgram::new);
    }

    /// The weights that it reads.
    Kind kind() {
        return kind;
    }

    /// Sets 64 floats at address `y` to the product of the panel at `panel` and `count` floats at `x`,
    /// a multiple of the kind's inputs. Nothing is checked here.
    void dot(long panel, long x, int count, long y) {
        MachineCode.dense(code, panel, x, y, count / kind.inputs);
    }

    private void write() {
        if (kind == Kind.BF16) {
            a.broadcastConstant(mask, 0xFFFF0000, RAX);
        }
        for (int v = 0; v < vectors; v++) {
            a.zero(v);
        }
        int step = a.here();
        for (int at = 0; at < kind.stepBytes(); at += SystemMemory.LINE) {
            a.prefetch(RDI, SystemMemory.AHEAD + at);
        }
        a.broadcast(x, RSI, 0);
        if (kind == Kind.BF16) {
            a.broadcast(second, RSI, Float.BYTES);
        }
        for (int v = 0; v < vectors; v++) {
            products(v);
        }
        a.addConstant(RDI, kind.stepBytes());
        a.addConstant(RSI, kind.inputs * Float.BYTES);
        a.decrement(RCX);
        a.jumpIfNotZero(step);
        for (int v = 0; v < vectors; v++) {
            a.storeVector(RDX, v * vectorBytes, v);
        }
        a.endOfVectors();
        a.ret();
    }

    private void products(int v) {
        switch (kind) {
            case F32 -> {
                a.loadVector(weight, RDI, v * vectorBytes);
                a.multiplyAdd(v, x, weight);
            }
            case F16 -> {
                a.halvesToFloats(weight, RDI, v * vectorBytes / 2);
                a.multiplyAdd(v, x, weight);
            }
            case BF16 -> {
                int low = mask + 1;
                a.loadVector(weight, RDI, v * vectorBytes);
                a.shiftLeft32(low, weight, 16);
                a.multiplyAdd(v, x, low);
                a.and(weight, weight, mask);
                a.multiplyAdd(v, second, weight);
            }
        }
    }
}
