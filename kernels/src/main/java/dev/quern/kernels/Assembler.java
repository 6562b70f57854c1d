package dev.quern.kernels;

import java.util.Arrays;

/// Writes x86-64 machine code: the few instructions that Quern's own kernels use, in the VEX (AVX2) or the EVEX
/// (AVX-512) encoding.
///
/// General registers are numbered as the processor does (`RAX` … `R15`), vector registers 0–15 with VEX, 0–31 with
/// EVEX. Operands stand in the order of the processor's manual: target, first source, second source. Memory operands
/// are a base register and a displacement. For one thread; grows as needed.
final class Assembler {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RBX = 3;
    static final int RSP = 4;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;
    static final int R8 = 8;
    static final int R9 = 9;
    static final int R10 = 10;
    static final int R11 = 11;
    static final int R12 = 12;
    static final int R13 = 13;

    /// The register field where an instruction has none.
    private static final int NONE = 0;

    /// Maps of opcodes.
    private static final int MAP_0F = 1;

    private static final int MAP_0F38 = 2;
    private static final int MAP_0F3A = 3;

    /// Mandatory prefixes.
    private static final int NO_PREFIX = 0;

    private static final int PREFIX_66 = 1;
    private static final int PREFIX_F3 = 2;

    private final boolean evex;

    /// 0, 1, 2 for 128, 256, 512 bits.
    private final int length;

    private byte[] code = new byte[4096];
    private int size;

    /// For vectors of `bits`: 512 writes EVEX, 256 and 128 VEX.
    Assembler(int bits) {
        this.evex = bits == 512;
        this.length = bits / 256;
    }

    /// The code so far.
    byte[] bytes() {
        return Arrays.copyOf(code, size);
    }

    /// Where the next instruction begins; a place to jump back to.
    int here() {
        return size;
    }

    // ---- general registers

    void push(int register) {
        if (register >= 8) {
            emit(0x41);
        }
        emit(0x50 | register & 7);
    }

    void pop(int register) {
        if (register >= 8) {
            emit(0x41);
        }
        emit(0x58 | register & 7);
    }

    void ret() {
        emit(0xC3);
    }

    void move(int target, int source) {
        rexW(source, target);
        emit(0x89);
        emit(0xC0 | (source & 7) << 3 | target & 7);
    }

    /// `target = [base + displacement]`, 64 bits.
    void load(int target, int base, int displacement) {
        rexW(target, base);
        emit(0x8B);
        memory(target, base, displacement);
    }

    /// `[base + displacement] = source`, 64 bits.
    void store(int base, int displacement, int source) {
        rexW(source, base);
        emit(0x89);
        memory(source, base, displacement);
    }

    /// `target = base + displacement`.
    void address(int target, int base, int displacement) {
        rexW(target, base);
        emit(0x8D);
        memory(target, base, displacement);
    }

    void add(int target, int source) {
        rexW(source, target);
        emit(0x01);
        emit(0xC0 | (source & 7) << 3 | target & 7);
    }

    void subtract(int target, int source) {
        rexW(source, target);
        emit(0x29);
        emit(0xC0 | (source & 7) << 3 | target & 7);
    }

    void addConstant(int target, int value) {
        rexW(NONE, target);
        emit(0x81);
        emit(0xC0 | target & 7);
        int32(value);
    }

    void and(int target, int value) {
        rexW(NONE, target);
        emit(0x81);
        emit(0xE0 | target & 7);
        int32(value);
    }

    void shiftLeft(int target, int bits) {
        rexW(NONE, target);
        emit(0xC1);
        emit(0xE0 | target & 7);
        emit(bits);
    }

    /// `target = [base + displacement]`, one unsigned byte or two.
    void loadUnsigned(int target, int base, int displacement, int bytes) {
        rexW(target, base);
        emit(0x0F);
        emit(bytes == 1 ? 0xB6 : 0xB7);
        memory(target, base, displacement);
    }

    /// Sets the zero flag of what is left.
    void decrement(int target) {
        rexW(NONE, target);
        emit(0xFF);
        emit(0xC8 | target & 7);
    }

    /// Jumps to `place` unless the last result was zero.
    void jumpIfNotZero(int place) {
        emit(0x0F);
        emit(0x85);
        int32(place - (size + 4));
    }

    /// `target = value`, 32 bits, the upper half zero.
    void constant(int target, int value) {
        if (target >= 8) {
            emit(0x41);
        }
        emit(0xB8 | target & 7);
        int32(value);
    }

    /// CPUID; `XGETBV`.
    void cpuid() {
        emit(0x0F);
        emit(0xA2);
    }

    void xgetbv() {
        emit(0x0F);
        emit(0x01);
        emit(0xD0);
    }

    /// `[base + displacement] = low half of source`.
    void store32(int base, int displacement, int source) {
        int rex = 0x40 | (source >> 3) << 2 | base >> 3;
        if (rex != 0x40) {
            emit(rex);
        }
        emit(0x89);
        memory(source, base, displacement);
    }

    /// Asks for the line at `base + displacement`; no address is wrong. `base` is one of the first eight registers.
    void prefetch(int base, int displacement) {
        emit(0x0F);
        emit(0x18);
        memory(1, base, displacement);
    }

    // ---- vectors: loads, stores, constants

    void loadVector(int target, int base, int displacement) {
        vector(MAP_0F, NO_PREFIX, 0x10, target, 0, base, displacement);
    }

    void storeVector(int base, int displacement, int source) {
        vector(MAP_0F, NO_PREFIX, 0x11, source, 0, base, displacement);
    }

    /// All lanes of 32 bits from memory.
    void broadcast(int target, int base, int displacement) {
        vector(MAP_0F38, PREFIX_66, 0x58, target, 0, base, displacement);
    }

    /// All lanes of 32 bits are `value`; uses the register `general` and, for a target from 16 on, the one 16 below.
    void broadcastConstant(int target, int value, int general) {
        constant(general, value);
        int low = evex ? target & 15 : target;
        // vmovd xmm, r32, into a register that VEX reaches
        vex(MAP_0F, PREFIX_66, 0, 0x6E, low, 0, general >> 3);
        emit(0xC0 | (low & 7) << 3 | general & 7);
        vector(MAP_0F38, PREFIX_66, 0x58, target, 0, low);
    }

    void zero(int target) {
        xor(target, target, target);
    }

    void moveVector(int target, int source) {
        vector(MAP_0F, NO_PREFIX, 0x28, target, 0, source);
    }

    /// Each of 16 floats to `[base + displacement + a lane of index]`; EVEX only, and all bits of `mask` are cleared.
    void scatter(int base, int index, int displacement, int source, int mask) {
        assert evex;
        emit(0x62);
        emit((~source >> 3 & 1) << 7
                | (~index >> 3 & 1) << 6
                | (~(base >> 3) & 1) << 5
                | (~source >> 4 & 1) << 4
                | MAP_0F38);
        emit(15 << 3 | 1 << 2 | PREFIX_66);
        emit(length << 5 | (~index >> 4 & 1) << 3 | mask);
        emit(0xA2);
        emit(0x84 | (source & 7) << 3);
        emit((index & 7) << 3 | base & 7);
        int32(displacement);
    }

    // ---- vectors: bits

    void and(int target, int first, int second) {
        vector(MAP_0F, PREFIX_66, 0xDB, target, first, second);
    }

    void or(int target, int first, int second) {
        vector(MAP_0F, PREFIX_66, 0xEB, target, first, second);
    }

    void xor(int target, int first, int second) {
        vector(MAP_0F, PREFIX_66, 0xEF, target, first, second);
    }

    /// `target |= first & second`; EVEX only.
    void orAnd(int target, int first, int second) {
        assert evex;
        vector(MAP_0F3A, PREFIX_66, 0x25, target, first, second);
        emit(0xF8);
    }

    /// Lanes of 32 bits, the sign kept.
    void shiftRightSigned32(int target, int source, int bits) {
        vector(MAP_0F, PREFIX_66, 0x72, 4, target, source);
        emit(bits);
    }

    /// Lanes of 16 bits.
    void shiftRight16(int target, int source, int bits) {
        vector(MAP_0F, PREFIX_66, 0x71, 2, target, source);
        emit(bits);
    }

    void shiftLeft16(int target, int source, int bits) {
        vector(MAP_0F, PREFIX_66, 0x71, 6, target, source);
        emit(bits);
    }

    /// Lanes of 32 bits.
    void shiftLeft32(int target, int source, int bits) {
        vector(MAP_0F, PREFIX_66, 0x72, 6, target, source);
        emit(bits);
    }

    /// Each byte of 16 of `table` that a byte of `index` names, within each 128 bits.
    void shuffle(int target, int table, int index) {
        vector(MAP_0F38, PREFIX_66, 0x00, target, table, index);
    }

    // ---- look-ups of bytes and masks; EVEX only

    /// Each byte of 64 of `table` that the low 6 bits of a byte of `index` name.
    void look64(int target, int index, int table) {
        assert evex;
        vector(MAP_0F38, PREFIX_66, 0x8D, target, index, table);
    }

    /// Replaces each byte of `target` by that of 128, `low` and `high`, which its low 7 bits name.
    void look128(int target, int low, int high) {
        assert evex;
        vector(MAP_0F38, PREFIX_66, 0x75, target, low, high);
    }

    /// Bytes of `second` where the mask's bit is set, of `first` elsewhere. `mask` is 1 to 7.
    void blendBytes(int target, int mask, int first, int second) {
        assert evex;
        evex(MAP_0F38, PREFIX_66, 0x66, target, first, second >> 3 & 1, second >> 4, mask);
        emit(0xC0 | (target & 7) << 3 | second & 7);
    }

    /// The highest bit of each byte.
    void highBits(int mask, int source) {
        assert evex;
        vector(MAP_0F38, PREFIX_F3, 0x29, mask, 0, source);
    }

    /// 64 bits of memory; `base` is one of the first eight registers.
    void loadMask(int mask, int base, int displacement) {
        emit(0xC4);
        emit(0xE0 | MAP_0F);
        emit(0xF8);
        emit(0x90);
        memory(mask, base, displacement);
    }

    /// The low 16 bits of the mask.
    void setMask(int mask) {
        emit(0xC5);
        emit(0x80 | (~mask & 15) << 3 | 1 << 2);
        emit(0x46);
        emit(0xC0 | mask << 3 | mask);
    }

    /// The 128 bits that lie at `place` of this code in every 128 bits of the target.
    void broadcast128(int target, int place) {
        if (evex) {
            evex(MAP_0F38, PREFIX_66, 0x5A, target, 0, 0, 0);
        } else {
            vex(MAP_0F38, PREFIX_66, length, 0x5A, target, 0, 0);
        }
        emit((target & 7) << 3 | 5);
        int32(place - (size + 4));
    }

    /// Bytes that are no code.
    void data(byte[] bytes) {
        for (byte b : bytes) {
            emit(b);
        }
    }

    // ---- vectors: integers

    /// `target += unsigned bytes · signed bytes`, four products to a lane of 32 bits.
    void dot(int target, int unsigned, int signed) {
        vector(MAP_0F38, PREFIX_66, 0x50, target, unsigned, signed);
    }

    /// Products of unsigned and signed bytes, two to a lane of 16 bits, saturated.
    void multiplyAddBytes(int target, int unsigned, int signed) {
        vector(MAP_0F38, PREFIX_66, 0x04, target, unsigned, signed);
    }

    /// Products of 16 bits, two to a lane of 32 bits.
    void multiplyAdd16(int target, int first, int second) {
        vector(MAP_0F, PREFIX_66, 0xF5, target, first, second);
    }

    void add16(int target, int first, int second) {
        vector(MAP_0F, PREFIX_66, 0xFD, target, first, second);
    }

    void add32(int target, int first, int second) {
        vector(MAP_0F, PREFIX_66, 0xFE, target, first, second);
    }

    void add32(int target, int first, int base, int displacement) {
        vector(MAP_0F, PREFIX_66, 0xFE, target, first, base, displacement);
    }

    void absoluteBytes(int target, int source) {
        vector(MAP_0F38, PREFIX_66, 0x1C, target, 0, source);
    }

    /// Bytes of `first` with the sign of `second`'s multiplied in; VEX only.
    void signBytes(int target, int first, int second) {
        assert !evex;
        vector(MAP_0F38, PREFIX_66, 0x08, target, first, second);
    }

    /// Signed bytes of memory to 32 bits.
    void widenSigned(int target, int base, int displacement) {
        vector(MAP_0F38, PREFIX_66, 0x21, target, 0, base, displacement);
    }

    /// Unsigned bytes of memory to 32 bits.
    void widenUnsigned(int target, int base, int displacement) {
        vector(MAP_0F38, PREFIX_66, 0x31, target, 0, base, displacement);
    }

    // ---- vectors: floats

    void toFloats(int target, int source) {
        vector(MAP_0F, NO_PREFIX, 0x5B, target, 0, source);
    }

    /// float16 of memory to float32.
    void halvesToFloats(int target, int base, int displacement) {
        vector(MAP_0F38, PREFIX_66, 0x13, target, 0, base, displacement);
    }

    void multiply(int target, int first, int second) {
        vector(MAP_0F, NO_PREFIX, 0x59, target, first, second);
    }

    void multiply(int target, int first, int base, int displacement) {
        vector(MAP_0F, NO_PREFIX, 0x59, target, first, base, displacement);
    }

    /// `target += first · second`.
    void multiplyAdd(int target, int first, int second) {
        vector(MAP_0F38, PREFIX_66, 0xB8, target, first, second);
    }

    /// `target −= first · second`.
    void multiplySubtract(int target, int first, int second) {
        vector(MAP_0F38, PREFIX_66, 0xBC, target, first, second);
    }

    /// `target = first · target + memory`.
    void multiplyAddMemory(int target, int first, int base, int displacement) {
        vector(MAP_0F38, PREFIX_66, 0xA8, target, first, base, displacement);
    }

    /// `target += first · [base + index]`; VEX only, as the next three.
    void multiplyAddAt(int target, int first, int base, int index) {
        indexed(MAP_0F38, PREFIX_66, 0xB8, target, first, base, index);
    }

    /// `target = first + [base + index]`.
    void addAt(int target, int first, int base, int index) {
        indexed(MAP_0F, NO_PREFIX, 0x58, target, first, base, index);
    }

    void loadVectorAt(int target, int base, int index) {
        indexed(MAP_0F, NO_PREFIX, 0x10, target, 0, base, index);
    }

    /// float16 at `base + index` to float32.
    void halvesToFloatsAt(int target, int base, int index) {
        indexed(MAP_0F38, PREFIX_66, 0x13, target, 0, base, index);
    }

    void add(int target, int first, int second) {
        vector(MAP_0F, NO_PREFIX, 0x58, target, first, second);
    }

    void add(int target, int first, int base, int displacement) {
        vector(MAP_0F, NO_PREFIX, 0x58, target, first, base, displacement);
    }

    /// After wide vectors, before code that uses none.
    void endOfVectors() {
        emit(0xC5);
        emit(0xF8);
        emit(0x77);
    }

    // ---- encodings

    private void vector(int map, int prefix, int opcode, int target, int first, int second) {
        if (evex) {
            evex(map, prefix, opcode, target, first, second >> 3 & 1, second >> 4);
        } else {
            vex(map, prefix, length, opcode, target, first, second >> 3);
        }
        emit(0xC0 | (target & 7) << 3 | second & 7);
    }

    private void vector(int map, int prefix, int opcode, int target, int first, int base, int displacement) {
        if (evex) {
            evex(map, prefix, opcode, target, first, base >> 3, 0);
        } else {
            vex(map, prefix, length, opcode, target, first, base >> 3);
        }
        memory(target, base, displacement);
    }

    /// A memory operand of two registers; the index is not `RSP`.
    private void indexed(int map, int prefix, int opcode, int target, int first, int base, int index) {
        assert !evex : "only VEX is written with an index";
        vex(map, prefix, length, opcode, target, first, base >> 3, index >> 3);
        emit(0x84 | (target & 7) << 3);
        emit((index & 7) << 3 | base & 7);
        int32(0);
    }

    private void vex(int map, int prefix, int vectorLength, int opcode, int target, int first, int b) {
        vex(map, prefix, vectorLength, opcode, target, first, b, 0);
    }

    /// Three bytes and the opcode; `b` is the highest bit of the second source or the base, `x` that of an index.
    private void vex(int map, int prefix, int vectorLength, int opcode, int target, int first, int b, int x) {
        assert target < 16 && first < 16 : "VEX reaches 16 registers";
        emit(0xC4);
        emit((~target >> 3 & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | map);
        emit((~first & 15) << 3 | vectorLength << 2 | prefix);
        emit(opcode);
    }

    private void evex(int map, int prefix, int opcode, int target, int first, int b, int x) {
        evex(map, prefix, opcode, target, first, b, x, 0);
    }

    private void evex(int map, int prefix, int opcode, int target, int first, int b, int x, int mask) {
        emit(0x62);
        emit((~target >> 3 & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | (~target >> 4 & 1) << 4 | map);
        emit((~first & 15) << 3 | 1 << 2 | prefix);
        emit(length << 5 | (~first >> 4 & 1) << 3 | mask);
        emit(opcode);
    }

    /// ModRM of a memory operand, always with 32 bits of displacement: EVEX scales one of 8 bits.
    private void memory(int register, int base, int displacement) {
        emit(0x80 | (register & 7) << 3 | base & 7);
        if ((base & 7) == RSP) {
            emit(0x24);
        }
        int32(displacement);
    }

    private void rexW(int register, int base) {
        emit(0x48 | (register >> 3) << 2 | base >> 3);
    }

    private void int32(int value) {
        for (int i = 0; i < 4; i++) {
            emit(value >> 8 * i);
        }
    }

    private void emit(int value) {
        if (size == code.length) {
            code = Arrays.copyOf(code, 2 * size);
        }
        code[size++] = (byte) value;
    }
}
