package dev.quern.methods;

import dev.quern.core.BlockWeight;
import dev.quern.core.DenseWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.Int8Weight;
import dev.quern.core.OutlierInt8Weight;
import dev.quern.core.PackedWeight;
import dev.quern.core.TableWeight;
import dev.quern.core.Tensor;
import dev.quern.core.VectorWeight;
import java.lang.foreign.MemorySegment;

/// Gives the pages of a mapped weight back to the system after use, so that a model's size does not pile up in memory
/// as
/// its blocks go by. The data stays readable: it is read from the file again.
final class Mapped {
    private Mapped() {}

    static void release(PackedWeight weight) {
        switch (weight) {
            case DenseWeight(Tensor tensor) -> release(tensor.data());
            case BlockWeight block -> release(block.data());
            case GroupedWeight grouped -> {
                release(grouped.qweight().data());
                release(grouped.scales().data());
            }
            case Int8Weight w -> release(w);
            case OutlierInt8Weight w -> {
                release(w.regular());
                release(w.columns().data());
            }
            case TableWeight table -> release(table.codes().data());
            case VectorWeight vectors -> release(vectors.indices().data());
        }
    }

    private static void release(Int8Weight weight) {
        release(weight.codes().data());
        release(weight.scales().data());
    }

    /// The same for any memory; what is not mapped stays as it is.
    static void release(MemorySegment data) {
        if (data.isMapped() && data.byteSize() > 0) {
            data.unload();
        }
    }
}
