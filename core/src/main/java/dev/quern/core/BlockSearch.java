package dev.quern.core;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Encodes float rows into one GGUF block type so that the weighted squared error of each block is small.
///
/// A weight's error counts `importance · √(σ² + x²)`: its input's mean square, where that is known, times something
/// that
/// grows with the weight and never vanishes (σ² is twice the block's mean square). Without importances all inputs count
/// alike. Scales, minima and codes are searched together; see `LevelFit`, `RangeFit` and the two fits of super-blocks.
///
/// Holds scratch memory: one for each thread. Cost: some hundred nanoseconds a weight.
public final class BlockSearch {
    /// The types that can be written.
    public static final Set<BlockType> TYPES = Set.copyOf(EnumSet.of(
            BlockType.Q4_0,
            BlockType.Q4_1,
            BlockType.Q5_0,
            BlockType.Q5_1,
            BlockType.Q8_0,
            BlockType.Q2_K,
            BlockType.Q3_K,
            BlockType.Q4_K,
            BlockType.Q5_K,
            BlockType.Q6_K,
            BlockType.IQ2_XXS,
            BlockType.IQ2_XS,
            BlockType.IQ2_S,
            BlockType.IQ3_XXS,
            BlockType.IQ3_S,
            BlockType.IQ4_NL,
            BlockType.IQ4_XS));

    /// What an input counts at least, as a share of the mean: none is without any importance.
    private static final float LEAST_IMPORTANCE = 1e-4f;

    /// Fits one block: from values and weights, both from place 0, to its bytes.
    @FunctionalInterface
    interface Encoder {
        void encode(float[] x, float[] w, byte[] block);
    }

    private final BlockType type;
    private final Encoder encoder;
    private final float[] x;
    private final float[] w;
    private final byte[] block;

    private BlockSearch(BlockType type, Encoder encoder) {
        this.type = type;
        this.encoder = encoder;
        this.x = new float[type.weights()];
        this.w = new float[type.weights()];
        this.block = new byte[type.bytes()];
    }

    /// A search for blocks of `type`; throws `UsageException` for one that cannot be written.
    public static BlockSearch of(BlockType type) {
        return new BlockSearch(type, encoder(type));
    }

    private static Encoder encoder(BlockType type) {
        return switch (type) {
            case Q4_0 -> PlainBlockFit.levels(LevelFit.between(-8, 7), 4);
            case Q5_0 -> PlainBlockFit.levels(LevelFit.between(-16, 15), 5);
            case IQ4_NL -> PlainBlockFit.table();
            case Q4_1 -> PlainBlockFit.range(new RangeFit(15, false), 4);
            case Q5_1 -> PlainBlockFit.range(new RangeFit(31, false), 5);
            case Q8_0 -> (x, _, block) -> BlockEncoders.encodeRow(type, x, 0, 32, MemorySegment.ofArray(block), 0);
            case Q2_K -> {
                MinimumSuperFit fit = new MinimumSuperFit(new RangeFit(3, true), 16, 15);
                yield (x, w, block) -> {
                    fit.fit(x, w);
                    SuperBlockPacking.q2(fit, block);
                };
            }
            case Q3_K -> {
                SignedSuperFit fit = new SignedSuperFit(LevelFit.between(-4, 3), 16, -32, 31);
                yield (x, w, block) -> SuperBlockPacking.q3(fit, fit.fit(x, w), block);
            }
            case Q4_K -> {
                MinimumSuperFit fit = new MinimumSuperFit(new RangeFit(15, true), 8, 63);
                yield (x, w, block) -> {
                    fit.fit(x, w);
                    SuperBlockPacking.q4(fit, block);
                };
            }
            case Q5_K -> {
                MinimumSuperFit fit = new MinimumSuperFit(new RangeFit(31, true), 8, 63);
                yield (x, w, block) -> {
                    fit.fit(x, w);
                    SuperBlockPacking.q5(fit, block);
                };
            }
            case Q6_K -> {
                SignedSuperFit fit = new SignedSuperFit(LevelFit.between(-32, 31), 16, -128, 127);
                yield (x, w, block) -> SuperBlockPacking.q6(fit, fit.fit(x, w), block);
            }
            case IQ4_XS -> {
                SignedSuperFit fit = new SignedSuperFit(new LevelFit(BlockDecoders.nonLinear()), 8, -32, 31);
                yield (x, w, block) -> SuperBlockPacking.iq4(fit, fit.fit(x, w), block);
            }
            case IQ2_XXS -> grid(new GridSuperFit(BlockGrid.IQ2_XXS, true, 8, 0.125f), GridPacking::iq2ExtraExtraSmall);
            case IQ2_XS -> grid(new GridSuperFit(BlockGrid.IQ2_XS, true, 16, 0.125f), GridPacking::iq2ExtraSmall);
            case IQ2_S -> grid(new GridSuperFit(BlockGrid.IQ2_S, false, 16, 0.125f), GridPacking::iq2Small);
            case IQ3_XXS -> grid(new GridSuperFit(BlockGrid.IQ3_XXS, true, 8, 0.25f), GridPacking::iq3ExtraExtraSmall);
            case IQ3_S -> grid(new GridSuperFit(BlockGrid.IQ3_S, false, 8, 1), GridPacking::iq3Small);
            case IQ1_S, IQ1_M, TQ1_0, TQ2_0 ->
                throw new UsageException("cannot write " + type + "; the types that can be written are "
                        + TYPES.stream().sorted().toList());
        };
    }

    /// Lays a fitted block out.
    @FunctionalInterface
    private interface Packing {
        void pack(GridSuperFit fit, float d, byte[] block);
    }

    private static Encoder grid(GridSuperFit fit, Packing packing) {
        return (x, w, block) -> packing.pack(fit, fit.fit(x, w), block);
    }

    /// Encodes `values [rows, cols]` with one importance for each input, or null for none.
    public static BlockWeight encode(
            BlockType type, float[] values, float @Nullable [] importance, int rows, int cols) {
        long rowBytes = BlockWeight.rowBytes(type, cols);
        MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(rowBytes * rows)]);
        BlockWeight weight = new BlockWeight(type, rows, cols, data);
        BlockSearch search = of(type);
        for (int row = 0; row < rows; row++) {
            search.encodeRow(values, row * cols, importance, cols, data, row * rowBytes);
        }
        return weight;
    }

    /// Encodes `values[offset … offset + cols)` into `target` from byte `at`; `importance [cols]` or null. Throws
    /// `NumericException` where a value is not finite or too large for a float16 scale.
    public void encodeRow(
            float[] values, int offset, float @Nullable [] importance, int cols, MemorySegment target, long at) {
        float least = importance == null ? 0 : least(importance, cols);
        for (int done = 0; done < cols; done += type.weights()) {
            double squares = 0;
            for (int i = 0; i < x.length; i++) {
                x[i] = values[offset + done + i];
                squares += (double) x[i] * x[i];
            }
            if (!(squares <= Float.MAX_VALUE)) {
                throw new NumericException(
                        "a block from weight " + (offset + done),
                        "encoding as " + type,
                        "it holds what is not finite or too large for a float16 scale");
            }
            float sigma = (float) (2 * squares / x.length);
            for (int i = 0; i < w.length; i++) {
                float known = importance == null || least == 0 ? 1 : Math.max(importance[done + i], least);
                w[i] = known * (float) Math.sqrt(sigma + x[i] * x[i]);
            }
            Arrays.fill(block, (byte) 0);
            encoder.encode(x, w, block);
            MemorySegment.copy(block, 0, target, JAVA_BYTE, at, block.length);
            at += block.length;
        }
    }

    private static float least(float[] importance, int cols) {
        double sum = 0;
        for (int i = 0; i < cols; i++) {
            sum += importance[i];
        }
        return (float) (sum / cols * LEAST_IMPORTANCE);
    }
}
