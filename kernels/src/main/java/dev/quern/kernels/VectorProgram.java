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

/// Writes the machine code of one token times a panel of a `VectorRun`: for each index one load of a whole centroid
/// with its multiply-add (docs/adr/006).
///
/// In Java the same loop first writes every offset to memory and checks each read: twice the instructions. Sums are
/// those of `UnitDot` to the bit: place by place, a fused multiply-add each, a residual centroid added to the main one
/// before. Eight vectors at a time share a broadcast input and hide the latency.
///
/// Registers: rdi and r9 walk over indices, rsi over places, r8 and r10 hold the books, rdx the outputs.
final class VectorProgram {
    private static final Map<Shape, VectorProgram> PROGRAMS = new ConcurrentHashMap<>();

    /// Vectors of `length` numbers, filled up with zeros to `lanes`, 4 or 8; `slots` of them, in eights; bytes of an
    /// index of each book, 0 for no second book; books in float16 or float32; places of a turn of the loop, which
    /// divide a run's.
    record Shape(int length, int lanes, int slots, int indexBytes, int secondBytes, boolean halves, int places) {}

    /// Indices that are together, as `VectorRun` lays them out.
    private static final int TOGETHER = 8;

    private static final int X = 8;
    private static final int CENTROID = 9;
    private static final int SECOND = 10;

    private final Shape shape;
    private final Assembler a;
    private final MemorySegment code;

    private VectorProgram(Shape shape) {
        this.shape = shape;
        this.a = new Assembler(shape.lanes * Float.SIZE);
        write();
        this.code = MachineCode.load(a.bytes());
    }

    /// The program for a shape, written once. Only where `MachineCode.isa()` is present.
    static VectorProgram of(Shape shape) {
        return PROGRAMS.computeIfAbsent(shape, VectorProgram::new);
    }

    /// Adds `Σ x[p] · centroid` over `places` to `slots · length` floats at `y`, and nothing to as many
    /// more as fill the last vector up. Every index must name a centroid of its book: nothing is
    /// checked here.
    void dot(long indices, long x, long y, long places, long book, long seconds, long secondBook) {
        MachineCode.vectors(code, indices, x, y, places, book, seconds, secondBook);
    }

    private void write() {
        a.load(R10, RSP, 8);
        for (int done = 0; done < shape.slots; done += TOGETHER) {
            eight(done * shape.length * Float.BYTES);
        }
        a.endOfVectors();
        a.ret();
    }

    private void eight(int outputAt) {
        a.move(R11, RCX);
        for (int i = 0; i < TOGETHER; i++) {
            a.zero(i);
        }
        int place = a.here();
        for (int at = 0; at < shape.places * TOGETHER * shape.indexBytes; at += SystemMemory.LINE) {
            a.prefetch(RDI, SystemMemory.AHEAD + at);
        }
        for (int p = 0; p < shape.places; p++) {
            a.broadcast(X, RSI, p * Float.BYTES);
            for (int i = 0; i < TOGETHER; i++) {
                product(i, p * TOGETHER + i);
            }
        }
        a.addConstant(RDI, shape.places * TOGETHER * shape.indexBytes);
        if (shape.secondBytes > 0) {
            a.addConstant(R9, shape.places * TOGETHER * shape.secondBytes);
        }
        a.addConstant(RSI, shape.places * Float.BYTES);
        a.addConstant(R11, -shape.places);
        a.jumpIfNotZero(place);
        for (int i = 0; i < TOGETHER; i++) {
            int at = outputAt + i * shape.length * Float.BYTES;
            a.add(i, i, RDX, at);
            a.storeVector(RDX, at, i);
        }
        // back to the first place for the next eight
        a.move(R11, RCX);
        a.shiftLeft(R11, 2);
        a.subtract(RSI, R11);
    }

    /// Adds to sum `i` what index `index` of this turn names.
    private void product(int i, int index) {
        offset(RDI, index, shape.indexBytes);
        if (shape.secondBytes == 0) {
            if (shape.halves) {
                a.halvesToFloatsAt(CENTROID, R8, RAX);
                a.multiplyAdd(i, X, CENTROID);
            } else {
                a.multiplyAddAt(i, X, R8, RAX);
            }
            return;
        }
        if (shape.halves) {
            a.halvesToFloatsAt(CENTROID, R8, RAX);
            offset(R9, index, shape.secondBytes);
            a.halvesToFloatsAt(SECOND, R10, RAX);
            a.add(CENTROID, CENTROID, SECOND);
        } else {
            a.loadVectorAt(CENTROID, R8, RAX);
            offset(R9, index, shape.secondBytes);
            a.addAt(CENTROID, CENTROID, R10, RAX);
        }
        a.multiplyAdd(i, X, CENTROID);
    }

    /// rax = where the centroid of index `i` lies in its book.
    private void offset(int indices, int i, int bytes) {
        a.loadUnsigned(RAX, indices, i * bytes, bytes);
        a.shiftLeft(RAX, Integer.numberOfTrailingZeros(shape.lanes * (shape.halves ? Short.BYTES : Float.BYTES)));
    }
}
