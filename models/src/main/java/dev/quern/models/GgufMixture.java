package dev.quern.models;

import dev.quern.core.BlockType;
import dev.quern.formats.GgufType;

/// Which block type each matrix of a GGUF file has: llama.cpp's mixtures, so that files of one name are alike.
///
/// The head, or the table where the two are one, is kept finer than the rest; value and down projections, whose errors
/// cost most, are one type finer in some layers or all. Rows that do not divide into a type's blocks fall back to the
/// nearest type of blocks of 32, and where they do not divide into these either, to float16.
final class GgufMixture {
    private final ConvertType type;
    private final BlockType base;
    private final int layers;
    private final boolean manyHeadsPerValue;
    private final boolean weighted;

    /// The mixture called `type` for a network of this shape; `weighted` where importances are known.
    GgufMixture(ConvertType type, ModelConfig model, boolean weighted) {
        this.type = type;
        this.base = type.blocks().orElseThrow();
        this.layers = model.nLayers();
        this.manyHeadsPerValue = model.nHeads() / model.nKvHeads() >= 4;
        this.weighted = weighted;
    }

    /// The type of `linear`, the head or one of a block's.
    BlockType of(Linear linear) {
        return switch (linear.role()) {
            case HEAD -> head();
            case Q, K -> type == ConvertType.IQ3_XXS ? BlockType.IQ2_S : base;
            case GATE, UP -> base;
            case V -> value(linear.layer());
            case O -> output();
            case DOWN -> down(linear.layer());
        };
    }

    /// The type of the head, and of a table that is one with it.
    BlockType head() {
        return switch (type) {
            case Q8_0 -> BlockType.Q8_0;
            case IQ2_XXS, IQ2_XS, IQ2_S, IQ2_M, IQ3_XXS -> BlockType.Q5_K;
            default -> BlockType.Q6_K;
        };
    }

    /// The type of a table that stands for itself.
    BlockType table() {
        return switch (type) {
            case IQ2_XXS, IQ2_XS -> BlockType.Q2_K;
            case IQ2_S, IQ2_M, IQ3_XXS -> BlockType.IQ3_S;
            default -> base;
        };
    }

    private BlockType value(int layer) {
        return switch (type) {
            case Q2_K -> manyHeadsPerValue ? BlockType.Q4_K : BlockType.Q3_K;
            case Q3_K_M -> layer < 2 ? BlockType.Q5_K : BlockType.Q4_K;
            case Q3_K_L -> BlockType.Q5_K;
            case Q4_K_S -> layer < 4 ? BlockType.Q5_K : base;
            case Q4_K_M, Q5_K_M -> isSensitive(layer) ? BlockType.Q6_K : base;
            case IQ4_NL, IQ4_XS -> manyHeadsPerValue ? BlockType.Q5_K : base;
            case IQ3_M -> BlockType.Q4_K;
            case IQ3_S -> manyHeadsPerValue ? BlockType.Q4_K : base;
            case IQ3_XXS -> manyHeadsPerValue ? BlockType.Q4_K : weighted ? base : BlockType.IQ3_S;
            case IQ2_S, IQ2_M -> manyHeadsPerValue ? BlockType.Q4_K : BlockType.IQ3_S;
            case IQ2_XXS, IQ2_XS -> manyHeadsPerValue ? BlockType.Q4_K : BlockType.Q2_K;
            default -> base;
        };
    }

    private BlockType output() {
        return switch (type) {
            case Q2_K -> BlockType.Q3_K;
            case Q3_K_M, IQ3_M -> BlockType.Q4_K;
            case Q3_K_L -> BlockType.Q5_K;
            case IQ2_S, IQ2_M, IQ3_XXS -> BlockType.IQ3_S;
            default -> base;
        };
    }

    private BlockType down(int layer) {
        boolean first = layer < layers / 8;
        return switch (type) {
            case Q2_K -> BlockType.Q3_K;
            case Q3_K_M -> layer < layers / 16 ? BlockType.Q5_K : BlockType.Q4_K;
            case Q3_K_L -> BlockType.Q5_K;
            case Q4_K_S -> first ? BlockType.Q5_K : base;
            case Q4_K_M, Q5_K_M -> isSensitive(layer) ? BlockType.Q6_K : base;
            case IQ4_NL, IQ4_XS -> first && !weighted ? BlockType.Q5_K : base;
            case Q4_0 -> first && weighted ? BlockType.Q4_1 : base;
            case Q5_0 -> first && weighted ? BlockType.Q5_1 : base;
            case IQ3_M -> first ? BlockType.Q4_K : base;
            case IQ3_XXS -> weighted ? base : first ? BlockType.Q4_K : BlockType.Q3_K;
            case IQ2_S, IQ2_M -> first ? BlockType.IQ3_S : base;
            case IQ2_XXS, IQ2_XS -> first ? BlockType.Q2_K : base;
            default -> base;
        };
    }

    /// The first and the last eighth of the layers and every third between.
    private boolean isSensitive(int layer) {
        return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    }

    /// `wanted` where rows of `cols` divide into its blocks, else what stands in for it.
    static GgufType fitting(BlockType wanted, int cols) {
        if (cols % wanted.weights() == 0) {
            return GgufType.of(wanted);
        }
        BlockType smaller = switch (wanted) {
            case Q4_K -> BlockType.Q5_0;
            case Q5_K -> BlockType.Q5_1;
            case Q6_K -> BlockType.Q8_0;
            case Q2_K, Q3_K, IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_XS -> BlockType.IQ4_NL;
            case TQ1_0, TQ2_0 -> BlockType.Q4_0;
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL -> wanted;
        };
        return cols % smaller.weights() == 0 ? GgufType.of(smaller) : GgufType.F16;
    }
}
