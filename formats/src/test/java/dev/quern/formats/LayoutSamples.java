package dev.quern.formats;

import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Shape;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Weights that each layout of the registry holds: what contract tests iterate over.
final class LayoutSamples {
    static final int ROWS = 32;
    static final int COLS = 96;

    /// `weight` fits `layout`.
    record Sample(String name, WeightLayout layout, PackedWeight weight) {
        @Override
        public String toString() {
            return name;
        }
    }

    static final List<Sample> ALL = all();

    private LayoutSamples() {}

    private static List<Sample> all() {
        List<Sample> all = new ArrayList<>();
        for (int bits : new int[] {2, 3, 4, 8}) {
            for (GptqConfig.Zeros zeros : GptqConfig.Zeros.values()) {
                GroupedWeight weight = grouped(bits, 32, zeros == GptqConfig.Zeros.V1 ? 1 : 0, false);
                GptqConfig config = new GptqConfig(bits, 32, false, false, zeros);
                add(all, "gptq " + bits + " " + zeros, config, weight);
                GroupedWeight middle = grouped(bits, COLS, 0, true);
                add(all, "gptq symmetric " + bits + " " + zeros, new GptqConfig(bits, 0, true, false, zeros), middle);
            }
        }
        GptqConfig ordered = new GptqConfig(4, 32, false, true, GptqConfig.Zeros.V2).skipping(List.of("a.b", "c"));
        add(all, "gptq in activation order", ordered, grouped(32).withGroupIndex(order()));
        add(all, "awq", new AwqLayout(32, List.of("a.b")), grouped(32));
        add(all, "awq by rows", new AwqLayout(0, List.of()), grouped(COLS));
        for (int bits : GroupedWeight.WIDTHS) {
            for (boolean symmetric : new boolean[] {true, false}) {
                add(
                        all,
                        "pack-quantized " + bits + (symmetric ? " symmetric" : ""),
                        PackedLayout.of(bits, 32, symmetric, false, List.of("lm_head")),
                        grouped(bits, 32, 0, symmetric));
            }
        }
        add(all, "pack-quantized by rows", PackedLayout.of(4, 0, false, false, List.of()), grouped(COLS));
        add(
                all,
                "pack-quantized in activation order",
                PackedLayout.of(4, 32, false, true, List.of()),
                grouped(32).withGroupIndex(order()));
        ActivationScheme dynamic = ActivationScheme.dynamic(8, true);
        add(all, "int-quantized", Int8Layout.of(dynamic, List.of("lm_head")), int8());
        add(all, "int-quantized, static", Int8Layout.of(ActivationScheme.fixed(8, false), List.of()), int8());
        for (boolean nested : new boolean[] {false, true}) {
            for (String kind : new String[] {"nf4", "fp4"}) {
                add(
                        all,
                        kind + (nested ? " nested" : ""),
                        new TableLayout(kind, nested, List.of()),
                        table(kind, nested));
            }
        }
        add(all, "bitsandbytes int8", new OutlierLayout(6, List.of("a.b")), largest());
        add(all, "bitsandbytes int8 and outliers", new OutlierLayout(6, List.of()), outliers(3));
        add(all, "bitsandbytes int8 and no outliers", new OutlierLayout(6, List.of()), outliers(0));
        for (VectorWeight vectors : List.of(
                VptqLayoutTest.weight(0, 0, 1, false, 1),
                VptqLayoutTest.weight(8, 2, 1, true, 2),
                VptqLayoutTest.weight(8, 0, 3, true, 3))) {
            VptqConfig config = new VptqConfig(Map.of("m", VptqConfig.Module.of(vectors, false)), Map.of());
            add(all, vectors.encoding(), config, vectors);
        }
        return List.copyOf(all);
    }

    private static void add(List<Sample> all, String name, WeightLayout layout, PackedWeight weight) {
        all.add(new Sample(name, layout, weight));
    }

    /// The group of each input, each group full.
    private static int[] order() {
        int[] order = new int[COLS];
        Arrays.setAll(order, col -> col * 7 % COLS / 32);
        return order;
    }

    static GroupedWeight grouped(int groupSize) {
        return grouped(4, groupSize, 0, false);
    }

    /// Zero points from `least` on, or all in the middle.
    private static GroupedWeight grouped(int bits, int groupSize, int least, boolean symmetric) {
        Random random = new Random(1);
        byte[] codes = new byte[ROWS * COLS];
        for (int i = 0; i < codes.length; i++) {
            codes[i] = (byte) random.nextInt(1 << bits);
        }
        int groups = COLS / groupSize;
        float[] scales = new float[groups * ROWS];
        short[] zeros = new short[groups * ROWS];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = 0.1f + random.nextFloat();
            zeros[i] = (short) (symmetric ? 1 << (bits - 1) : least + random.nextInt((1 << bits) - least));
        }
        return GroupedWeight.pack(
                ROWS, COLS, bits, groupSize, codes, Tensor.of(DType.F16, scales, groups, ROWS), zeros);
    }

    static TableWeight table(String kind, boolean nested) {
        Random random = new Random(3);
        byte[] codes = new byte[ROWS * COLS / 2];
        random.nextBytes(codes);
        float[] table = new float[16];
        for (int i = 0; i < table.length; i++) {
            table[i] = random.nextFloat() - 0.5f;
        }
        int blocks = ROWS * COLS / 64;
        return new TableWeight(
                kind, ROWS, COLS, bytes(codes), table, 64, nested ? nested(blocks, random) : plain(blocks));
    }

    static TableWeight.BlockScales plain(int blocks) {
        float[] scales = new float[blocks];
        for (int i = 0; i < blocks; i++) {
            scales[i] = 1 + i;
        }
        return new TableWeight.PlainScales(Tensor.of(scales, blocks));
    }

    static TableWeight.BlockScales nested(int blocks, Random random) {
        byte[] codes = new byte[blocks];
        random.nextBytes(codes);
        float[] map = new float[256];
        for (int i = 0; i < map.length; i++) {
            map[i] = i / 256f;
        }
        float[] outer = new float[Math.ceilDiv(blocks, 256)];
        Arrays.fill(outer, 2);
        return new TableWeight.NestedScales(bytes(codes), map, outer, 256, 0.25f);
    }

    static Tensor bytes(byte[] values) {
        return new Tensor(DType.U8, new Shape(values.length), MemorySegment.ofArray(values));
    }

    private static float[] gaussian() {
        Random random = new Random(2);
        float[] values = new float[ROWS * COLS];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    static Int8Weight int8() {
        return Int8Weight.nearest(ROWS, COLS, gaussian(), DType.F32);
    }

    private static Int8Weight largest() {
        return Int8Weight.nearestLargest(ROWS, COLS, gaussian());
    }

    static OutlierInt8Weight outliers(int count) {
        int[] columns = new int[count];
        float[] some = new float[ROWS * count];
        for (int i = 0; i < count; i++) {
            columns[i] = 7 * i + 2;
        }
        for (int i = 0; i < some.length; i++) {
            some[i] = i;
        }
        return new OutlierInt8Weight(largest(), columns, Tensor.of(DType.F16, some, ROWS, count));
    }
}
