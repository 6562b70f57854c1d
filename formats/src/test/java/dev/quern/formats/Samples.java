package dev.quern.formats;

import dev.quern.core.BlockEncoders;
import dev.quern.core.BlockType;
import dev.quern.core.DType;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Small valid files, made from a seed, and a reader that touches everything in a file.
final class Samples {
    private Samples() {}

    static Tensor tensor(DType dtype, long seed, long... sizes) {
        Shape shape = new Shape(sizes);
        byte[] bytes = new byte[Math.toIntExact(shape.count() * dtype.bytes())];
        new Random(seed).nextBytes(bytes);
        return new Tensor(dtype, shape, MemorySegment.ofArray(bytes));
    }

    static float[] gaussian(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    static List<TensorPlan> plans(long seed) {
        List<TensorPlan> plans = new ArrayList<>();
        for (DType dtype : DType.values()) {
            plans.add(TensorPlan.of("t." + dtype, tensor(dtype, seed + dtype.ordinal(), 3, 5)));
        }
        plans.add(TensorPlan.of("scalar", tensor(DType.F32, seed)));
        plans.add(TensorPlan.of("empty", tensor(DType.F16, seed, 0, 4)));
        return plans;
    }

    static Map<String, Object> ggufMetadata() {
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("general.architecture", "llama");
        metadata.put("llama.block_count", 2L);
        metadata.put("llama.rope.freq_base", 10000.0f);
        metadata.put("general.signed", -5);
        metadata.put("general.flag", true);
        metadata.put("general.big", 1L << 40);
        metadata.put("tokenizer.ggml.tokens", List.of("<s>", "Grüße", "▁a", ""));
        metadata.put("tokenizer.ggml.scores", new float[] {0f, -1.5f, 2f, 3f});
        metadata.put("tokenizer.ggml.token_type", new int[] {3, 1, 1, -1});
        metadata.put("general.flags", List.of(true, false));
        return metadata;
    }

    static List<GgufPlan> ggufPlans(long seed) {
        List<GgufPlan> plans = new ArrayList<>();
        plans.add(GgufPlan.of("norm", tensor(DType.F32, seed, 7)));
        plans.add(GgufPlan.of("half", tensor(DType.F16, seed + 1, 3, 5)));
        plans.add(GgufPlan.of("brain", tensor(DType.BF16, seed + 2, 5, 3)));
        for (BlockType type : List.of(BlockType.Q4_0, BlockType.Q4_1, BlockType.Q8_0)) {
            plans.add(GgufPlan.of("b." + type, BlockEncoders.encode(type, gaussian(3 * 64, seed), 3, 64)));
        }
        for (BlockType type : List.of(BlockType.Q5_0, BlockType.Q2_K, BlockType.Q6_K, BlockType.IQ4_XS)) {
            byte[] bytes = new byte[2 * (512 / type.weights()) * type.bytes()];
            new Random(seed).nextBytes(bytes);
            plans.add(new GgufPlan(
                    "r." + type, new Shape(2, 512), GgufType.of(type), () -> MemorySegment.ofArray(bytes)));
        }
        return plans;
    }

    static void write(CheckpointFormat format, Path file, long seed) {
        switch (format.name()) {
            case "safetensors" -> Safetensors.write(file, plans(seed), Map.of("format", "pt", "by", "Quern"));
            case "gguf" -> Gguf.write(file, ggufMetadata(), ggufPlans(seed));
            default -> throw new IllegalArgumentException("write a sample for the format " + format.name());
        }
    }

    /// Reads every tensor and all metadata.
    static int touch(CheckpointFile file) {
        int hash = file.stored().hashCode();
        for (StoredTensor stored : file.stored()) {
            switch (file) {
                case SafetensorsFile s -> hash += s.tensor(stored.name()).toFloats().length;
                case GgufFile g -> {
                    if (stored.shape().rank() == 2) {
                        hash += g.weight(stored.name()).unpack().length;
                    } else {
                        hash += g.dense(stored.name()).toFloats().length;
                    }
                }
            }
        }
        return hash
                + switch (file) {
                    case SafetensorsFile s -> s.metadata().hashCode();
                    case GgufFile g -> g.metadata().hashCode();
                };
    }
}
