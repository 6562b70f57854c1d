package dev.quern.core;

import java.lang.foreign.MemorySegment;

/// GGUF's block types: how many weights a block holds, in how many bytes, and how one block is decoded.
public enum BlockType {
    Q4_0(2, 32, 18, BlockDecoders::q4Zero),
    Q4_1(3, 32, 20, BlockDecoders::q4One),
    Q5_0(6, 32, 22, BlockDecoders::q5Zero),
    Q5_1(7, 32, 24, BlockDecoders::q5One),
    Q8_0(8, 32, 34, BlockDecoders::q8Zero),
    Q2_K(10, 256, 84, SuperBlockDecoders::q2),
    Q3_K(11, 256, 110, SuperBlockDecoders::q3),
    Q4_K(12, 256, 144, SuperBlockDecoders::q4),
    Q5_K(13, 256, 176, SuperBlockDecoders::q5),
    Q6_K(14, 256, 210, SuperBlockDecoders::q6),
    IQ2_XXS(16, 256, 66, GridDecoders::iq2ExtraExtraSmall),
    IQ2_XS(17, 256, 74, GridDecoders::iq2ExtraSmall),
    IQ3_XXS(18, 256, 98, GridDecoders::iq3ExtraExtraSmall),
    IQ1_S(19, 256, 50, TernaryDecoders::iq1Small),
    IQ4_NL(20, 32, 18, BlockDecoders::iq4NonLinear),
    IQ3_S(21, 256, 110, GridDecoders::iq3Small),
    IQ2_S(22, 256, 82, GridDecoders::iq2Small),
    IQ4_XS(23, 256, 136, BlockDecoders::iq4Small),
    IQ1_M(29, 256, 56, TernaryDecoders::iq1Medium),
    TQ1_0(34, 256, 54, TernaryDecoders::tq1),
    TQ2_0(35, 256, 66, TernaryDecoders::tq2);

    /// Decodes the block at byte `at` of `data` into `target[offset …)`.
    @FunctionalInterface
    interface Decoder {
        void decode(MemorySegment data, long at, float[] target, int offset);
    }

    private final int id;
    private final int weights;
    private final int bytes;
    private final Decoder decoder;

    BlockType(int id, int weights, int bytes, Decoder decoder) {
        this.id = id;
        this.weights = weights;
        this.bytes = bytes;
        this.decoder = decoder;
    }

    /// The type's number in a GGUF file.
    public int id() {
        return id;
    }

    /// Weights of one block.
    public int weights() {
        return weights;
    }

    /// Bytes of one block.
    public int bytes() {
        return bytes;
    }

    /// Decodes the block at byte `at` of `data` into `target[offset … offset + weights)`.
    public void decode(MemorySegment data, long at, float[] target, int offset) {
        decoder.decode(data, at, target, offset);
    }
}
