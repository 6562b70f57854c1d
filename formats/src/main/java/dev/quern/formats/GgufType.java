package dev.quern.formats;

import dev.quern.core.BlockType;
import dev.quern.core.DType;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The tensor types of GGUF that we know by name: id, weights and bytes of one block, and what holds them here.
///
/// A type with neither `dtype` nor `blockType` can be listed but not decoded.
public enum GgufType {
    F32(0, DType.F32),
    F16(1, DType.F16),
    Q4_0(BlockType.Q4_0),
    Q4_1(BlockType.Q4_1),
    Q5_0(BlockType.Q5_0),
    Q5_1(BlockType.Q5_1),
    Q8_0(BlockType.Q8_0),
    Q8_1(9, 32, 36),
    Q2_K(BlockType.Q2_K),
    Q3_K(BlockType.Q3_K),
    Q4_K(BlockType.Q4_K),
    Q5_K(BlockType.Q5_K),
    Q6_K(BlockType.Q6_K),
    Q8_K(15, 256, 292),
    IQ2_XXS(BlockType.IQ2_XXS),
    IQ2_XS(BlockType.IQ2_XS),
    IQ3_XXS(BlockType.IQ3_XXS),
    IQ1_S(BlockType.IQ1_S),
    IQ4_NL(BlockType.IQ4_NL),
    IQ3_S(BlockType.IQ3_S),
    IQ2_S(BlockType.IQ2_S),
    IQ4_XS(BlockType.IQ4_XS),
    I8(24, DType.I8),
    I16(25, DType.I16),
    I32(26, DType.I32),
    I64(27, DType.I64),
    F64(28, DType.F64),
    IQ1_M(BlockType.IQ1_M),
    BF16(30, DType.BF16),
    TQ1_0(BlockType.TQ1_0),
    TQ2_0(BlockType.TQ2_0),
    MXFP4(39, 32, 17);

    private final int id;
    private final int weights;
    private final int bytes;
    private final @Nullable DType dtype;
    private final @Nullable BlockType blockType;

    GgufType(int id, int weights, int bytes, @Nullable DType dtype, @Nullable BlockType blockType) {
        this.id = id;
        this.weights = weights;
        this.bytes = bytes;
        this.dtype = dtype;
        this.blockType = blockType;
    }

    GgufType(int id, DType dtype) {
        this(id, 1, dtype.bytes(), dtype, null);
    }

    GgufType(BlockType type) {
        this(type.id(), type.weights(), type.bytes(), null, type);
    }

    GgufType(int id, int weights, int bytes) {
        this(id, weights, bytes, null, null);
    }

    /// The type's number in the file.
    public int id() {
        return id;
    }

    /// Weights of one block; 1 for plain element types.
    public int weights() {
        return weights;
    }

    /// Bytes of one block.
    public int bytes() {
        return bytes;
    }

    /// The element type of a plain type.
    public Optional<DType> dtype() {
        return Optional.ofNullable(dtype);
    }

    /// The decodable block type.
    public Optional<BlockType> blockType() {
        return Optional.ofNullable(blockType);
    }

    /// The type numbered `id`.
    public static Optional<GgufType> of(int id) {
        return Arrays.stream(values()).filter(t -> t.id == id).findFirst();
    }

    /// The type that holds elements of `dtype`; there is none for U8 and BOOL.
    public static GgufType of(DType dtype) {
        return Arrays.stream(values())
                .filter(t -> t.dtype == dtype)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("GGUF has no element type " + dtype));
    }

    /// The type of these blocks.
    public static GgufType of(BlockType type) {
        return valueOf(type.name());
    }
}
