package dev.quern.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.LongAdder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// How fast a crew of workers reads memory: the ceiling of decoding, where every token reads all weights once.
public final class MemoryBandwidth {
    private static final VectorSpecies<Integer> I = VectorWidth.INTS;

    /// Four loads in flight at a time.
    private static final int STRIDE = 4 * VectorWidth.LANES * Integer.BYTES;

    /// Parts per worker: small enough for a late worker not to hold up the pass for long.
    private static final int PARTS = 8;

    private static final int PASSES = 8;

    /// More than the share of the last cache that one machine of a cloud gets.
    private static final long BYTES = 512L << 20;

    private MemoryBandwidth() {}

    /// Bytes per second of the fastest of 8 passes over 512 MiB outside the heap; takes about a second. The
    /// memory is given back at once: measure before a model takes its own.
    public static double measure(Workers workers) {
        return measure(workers, BYTES);
    }

    /// The same over about `bytes`.
    static double measure(Workers workers, long bytes) {
        try (Arena arena = Arena.ofShared()) {
            return measure(workers, bytes, arena);
        }
    }

    private static double measure(Workers workers, long bytes, Arena arena) {
        int parts = PARTS * workers.threads();
        long part = Math.max(1, bytes / parts / STRIDE) * STRIDE;
        LongAdder keep = new LongAdder();
        // pages like those of weights
        MemorySegment memory = SystemMemory.allocate(part * parts, arena);
        // written first by the workers that read it: untouched pages are one page of zeros, and pages lie near
        // the core that wrote them
        workers.run(parts, p -> memory.asSlice(p * part, part).fill((byte) (p + 1)));
        long best = Long.MAX_VALUE;
        for (int pass = 0; pass < PASSES; pass++) {
            long began = System.nanoTime();
            workers.run(parts, p -> keep.add(read(memory, p * part, (p + 1) * part)));
            best = Math.min(best, System.nanoTime() - began);
        }
        if (keep.sum() == 0) {
            throw new IllegalStateException("read zeros where none were written");
        }
        return (double) part * parts * 1e9 / best;
    }

    private static int read(MemorySegment memory, long from, long to) {
        ByteOrder order = ByteOrder.nativeOrder();
        long step = STRIDE / 4;
        IntVector a = IntVector.zero(I);
        IntVector b = a;
        IntVector c = a;
        IntVector d = a;
        for (long at = from; at < to; at += STRIDE) {
            a = a.or(IntVector.fromMemorySegment(I, memory, at, order));
            b = b.or(IntVector.fromMemorySegment(I, memory, at + step, order));
            c = c.or(IntVector.fromMemorySegment(I, memory, at + 2 * step, order));
            d = d.or(IntVector.fromMemorySegment(I, memory, at + 3 * step, order));
        }
        return a.or(b).or(c).or(d).reduceLanes(VectorOperators.OR);
    }
}
