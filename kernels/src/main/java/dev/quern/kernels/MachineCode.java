package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Machine code that Quern writes at start-up, for products of integers that the Vector API cannot
/// express, for vectors of codebooks, for dense weights and for float16 keys and values, which it reads
/// slowly (docs/adr/006): memory that may be executed, and the calls into it.
///
/// Only on Linux and x86-64, and never required: where the system forbids it, or `-Dquern.machine-code=off`, the
/// kernels of the Vector API run. `-Dquern.machine-code=avx2|avx-vnni|avx512-vnni` chooses the instructions.
final class MachineCode {
    private static final int READ_EXECUTE = 5;

    private static final Linker LINKER = Linker.nativeLinker();

    /// The instructions in use; null where there is no machine code.
    private static final @Nullable Isa ISA;

    private static final String REASON;

    /// Calls code: weights, inputs, output, count, units. All memory lies outside the heap.
    private static final MethodHandle TOKEN = LINKER.downcallHandle(
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.critical(false));

    /// The same with an output that may lie in the heap, and its stride.
    private static final MethodHandle TOKENS = LINKER.downcallHandle(
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.critical(true));

    /// Dense weights, inputs, output, steps, all outside the heap.
    private static final MethodHandle DENSE = LINKER.downcallHandle(
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG), Linker.Option.critical(false));

    /// Sums over vectors of books: indices, inputs, output, places, book, indices and book of the second stage.
    private static final MethodHandle VECTORS = LINKER.downcallHandle(
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.critical(false));

    /// Look-ups in books: indices, inputs, output, tiles, blocks, tables.
    private static final MethodHandle LOOK_UPS = LINKER.downcallHandle(
            FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.critical(false));

    /// Product with float16: A, B and C, which lie in the heap, each with an offset in bytes, and the number of terms.
    private static final MethodHandle HALVES = LINKER.downcallHandle(
            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG),
            Linker.Option.critical(true));

    /// True where bytes are looked up in registers.
    private static final boolean LOOKS_UP;

    static {
        String wish = System.getProperty("quern.machine-code", "auto");
        Isa isa = null;
        boolean looksUp = false;
        String reason;
        if (wish.equals("off")) {
            reason = "off by -Dquern.machine-code";
        } else if (!System.getProperty("os.name").equals("Linux")
                || !System.getProperty("os.arch").equals("amd64")) {
            reason = "only on Linux and x86-64";
        } else {
            try {
                Cpu cpu = Cpu.read();
                isa = Isa.choose(wish, cpu);
                looksUp = isa == Isa.AVX512_VNNI && cpu.vbmi();
                reason = isa == null
                        ? "neither AVX2 nor a vector width of 256 or 512"
                        : isa.label() + (looksUp ? " with vbmi" : "");
            } catch (IllegalStateException forbidden) {
                reason = String.valueOf(forbidden.getMessage());
            }
        }
        ISA = isa;
        LOOKS_UP = looksUp;
        REASON = reason;
    }

    private MachineCode() {}

    /// The instructions that machine code uses here; empty where none runs.
    static Optional<Isa> isa() {
        return Optional.ofNullable(ISA);
    }

    /// True where `lookUps` may be called: AVX-512 with VNNI and VBMI.
    static boolean looksUp() {
        return LOOKS_UP;
    }

    /// What runs, or why nothing does.
    static String describe() {
        return ISA == null ? "none (" + REASON + ")" : REASON;
    }

    /// Copies code into memory of its own, for as long as the process lives. Throws `IllegalStateException` where the
    /// system forbids it.
    static MemorySegment load(byte[] code) {
        long size = (code.length + 4095L) / 4096 * 4096;
        try {
            MemorySegment memory = SystemMemory.map(size).reinterpret(size);
            MemorySegment.copy(MemorySegment.ofArray(code), 0, memory, 0, code.length);
            int failed = (int)
                    SystemMemory.function("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT))
                            .invokeExact(memory, size, READ_EXECUTE);
            if (failed != 0) {
                throw new IllegalStateException("the system forbids it");
            }
            return memory;
        } catch (IllegalStateException | Error known) {
            throw known;
        } catch (Throwable unknown) {
            throw new IllegalStateException("the system forbids it: " + unknown, unknown);
        }
    }

    /// One token: `y` from the panels that begin at `weights`.
    static void token(MemorySegment code, long weights, long x, long y, long panels, long units) {
        try {
            TOKEN.invokeExact(code, weights, x, y, panels, units);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// Blocks of tokens times one panel; rows of `y` are `stride` bytes apart.
    static void tokens(
            MemorySegment code, long weights, long x, MemorySegment y, long blocks, long units, long stride) {
        try {
            TOKENS.invokeExact(code, weights, x, y, blocks, units, stride);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// One token times a panel of dense weights: sets 64 floats of `y`.
    static void dense(MemorySegment code, long weights, long x, long y, long steps) {
        try {
            DENSE.invokeExact(code, weights, x, y, steps);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// One token times the places of a panel of vectors: adds to 64 floats of `y`.
    static void vectors(
            MemorySegment code, long indices, long x, long y, long places, long book, long seconds, long secondBook) {
        try {
            VECTORS.invokeExact(code, indices, x, y, places, book, seconds, secondBook);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// One token times tiles of a `LookupPanels`: sets 16 vectors of floats of `y` a tile.
    static void lookUps(MemorySegment code, long indices, long x, long y, long tiles, long blocks, long tables) {
        try {
            LOOK_UPS.invokeExact(code, indices, x, y, tiles, blocks, tables);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// Rows of A times float16 of B, to C.
    static void halves(
            MemorySegment code,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            MemorySegment c,
            long cAt,
            long k) {
        try {
            HALVES.invokeExact(code, a, aAt, b, bAt, c, cAt, k);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// What the processor and the system offer.
    record Cpu(boolean avx2, boolean avxVnni, boolean avx512Vnni, boolean vbmi) {
        static Cpu read() {
            Assembler a = new Assembler(256);
            a.push(Assembler.RBX);
            a.move(Assembler.R9, Assembler.RDX);
            a.move(Assembler.RAX, Assembler.RDI);
            a.move(Assembler.RCX, Assembler.RSI);
            a.cpuid();
            a.store32(Assembler.R9, 0, Assembler.RAX);
            a.store32(Assembler.R9, 4, Assembler.RBX);
            a.store32(Assembler.R9, 8, Assembler.RCX);
            a.pop(Assembler.RBX);
            a.ret();
            MemorySegment cpuid = load(a.bytes());
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment out = arena.allocate(16);
                int most = leaf(cpuid, 0, 0, out)[0];
                int one = leaf(cpuid, 1, 0, out)[2];
                // FMA, F16C, XGETBV
                boolean basis = most >= 7 && bit(one, 12) && bit(one, 29) && bit(one, 27);
                if (!basis) {
                    return new Cpu(false, false, false, false);
                }
                int state = xgetbv(out);
                boolean ymm = (state & 6) == 6;
                boolean zmm = ymm && (state & 0xE0) == 0xE0;
                int[] seven = leaf(cpuid, 7, 0, out);
                boolean avx2 = ymm && bit(seven[1], 5);
                boolean wide = zmm && bit(seven[1], 16) && bit(seven[1], 30) && bit(seven[1], 17);
                boolean avxVnni = avx2 && seven[0] >= 1 && bit(leaf(cpuid, 7, 1, out)[0], 4);
                return new Cpu(avx2, avxVnni, wide && bit(seven[2], 11), wide && bit(seven[2], 1));
            }
        }

        private static int[] leaf(MemorySegment cpuid, int leaf, int part, MemorySegment out) {
            token(cpuid, leaf, part, out.address(), 0, 0);
            return new int[] {out.getAtIndex(JAVA_INT, 0), out.getAtIndex(JAVA_INT, 1), out.getAtIndex(JAVA_INT, 2)};
        }

        private static int xgetbv(MemorySegment out) {
            Assembler a = new Assembler(256);
            a.constant(Assembler.RCX, 0);
            a.move(Assembler.R9, Assembler.RDX);
            a.xgetbv();
            a.store32(Assembler.R9, 0, Assembler.RAX);
            a.ret();
            token(load(a.bytes()), 0, 0, out.address(), 0, 0);
            return out.getAtIndex(JAVA_INT, 0);
        }

        private static boolean bit(int word, int bit) {
            return (word >>> bit & 1) != 0;
        }
    }

    /// Sets of instructions that code is written for, the best first.
    enum Isa {
        AVX512_VNNI(512, true),
        AVX_VNNI(256, true),
        AVX2(256, false);

        /// Bits of a vector.
        final int bits;

        /// Four products of bytes are one instruction.
        final boolean dots;

        Isa(int bits, boolean dots) {
            this.bits = bits;
            this.dots = dots;
        }

        String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        boolean runsOn(Cpu cpu) {
            return switch (this) {
                case AVX512_VNNI -> cpu.avx512Vnni();
                case AVX_VNNI -> cpu.avxVnni();
                case AVX2 -> cpu.avx2();
            };
        }

        private static @Nullable Isa choose(String wish, Cpu cpu) {
            for (Isa isa : values()) {
                boolean wished = wish.equals("auto") ? isa.bits <= VectorWidth.BITS : wish.equals(isa.label());
                if (wished && isa.runsOn(cpu) && !VectorWidth.SCALAR) {
                    return isa;
                }
            }
            return null;
        }
    }
}
