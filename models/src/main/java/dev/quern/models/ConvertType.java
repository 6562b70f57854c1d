package dev.quern.models;

import dev.quern.core.BlockType;
import dev.quern.core.DType;
import dev.quern.core.UsageException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// How `convert` is to store matrices: a float type, GGUF blocks (of one type or in one of llama.cpp's mixtures), or
/// one of the layouts of safetensors that take over codes and make none: GPTQ, AWQ, compressed-tensors
/// `pack-quantized`.
public enum ConvertType {
    F32(DType.F32, null, 0),
    F16(DType.F16, null, 1),
    BF16(DType.BF16, null, 32),
    Q8_0(null, BlockType.Q8_0, 7),
    Q6_K(null, BlockType.Q6_K, 18),
    Q5_K_M(null, BlockType.Q5_K, 17),
    Q5_K_S(null, BlockType.Q5_K, 16),
    Q5_1(null, BlockType.Q5_1, 9),
    Q5_0(null, BlockType.Q5_0, 8),
    Q4_K_M(null, BlockType.Q4_K, 15),
    Q4_K_S(null, BlockType.Q4_K, 14),
    IQ4_NL(null, BlockType.IQ4_NL, 25),
    IQ4_XS(null, BlockType.IQ4_XS, 30),
    Q4_1(null, BlockType.Q4_1, 3),
    Q4_0(null, BlockType.Q4_0, 2),
    Q3_K_L(null, BlockType.Q3_K, 13),
    Q3_K_M(null, BlockType.Q3_K, 12),
    Q3_K_S(null, BlockType.Q3_K, 11),
    IQ3_M(null, BlockType.IQ3_S, 27),
    IQ3_S(null, BlockType.IQ3_S, 26),
    IQ3_XXS(null, BlockType.IQ3_XXS, 23),
    Q2_K(null, BlockType.Q2_K, 10),
    IQ2_M(null, BlockType.IQ2_S, 29),
    IQ2_S(null, BlockType.IQ2_XS, 28),
    IQ2_XS(null, BlockType.IQ2_XS, 20),
    IQ2_XXS(null, BlockType.IQ2_XXS, 19),
    GPTQ(null, null, -1),
    GPTQ_V2(null, null, -1),
    AWQ(null, null, -1),
    PACK_QUANTIZED(null, null, -1);

    private final @Nullable DType dtype;
    private final @Nullable BlockType blocks;
    private final int ggufFileType;

    ConvertType(@Nullable DType dtype, @Nullable BlockType blocks, int ggufFileType) {
        this.dtype = dtype;
        this.blocks = blocks;
        this.ggufFileType = ggufFileType;
    }

    /// The type that `name` spells, in either case.
    public static ConvertType named(String name) {
        return Arrays.stream(values())
                .filter(type -> type.name().equals(name.toUpperCase(Locale.ROOT).replace('-', '_')))
                .findFirst()
                .orElseThrow(() -> new UsageException("dtype is " + name + "; known are "
                        + Arrays.stream(values()).map(ConvertType::toString).collect(Collectors.joining(", "))));
    }

    /// The float type, for those that are one.
    public Optional<DType> dtype() {
        return Optional.ofNullable(dtype);
    }

    /// The GGUF block type of most matrices, for those that are stored in blocks.
    public Optional<BlockType> blocks() {
        return Optional.ofNullable(blocks);
    }

    /// True for a layout of safetensors that takes over codes.
    public boolean isCodeLayout() {
        return dtype == null && blocks == null;
    }

    /// As it is spelt on the command line.
    @Override
    public String toString() {
        String name = name().toLowerCase(Locale.ROOT);
        return this == PACK_QUANTIZED ? name.replace('_', '-') : name;
    }

    /// The value of `general.file_type` for a file of which most tensors have this type.
    int ggufFileType() {
        return ggufFileType;
    }
}
