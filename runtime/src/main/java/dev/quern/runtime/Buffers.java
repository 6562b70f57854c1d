package dev.quern.runtime;

import java.util.ArrayList;
import java.util.List;

/// Arrays of a forward pass, taken again once their values are dead: a layer works in the memory of the one before.
///
/// What a taken array holds is undefined. For one thread.
final class Buffers {
    private final List<float[]> used = new ArrayList<>();
    private final List<float[]> free = new ArrayList<>();

    /// An array of exactly `size` floats.
    float[] take(int size) {
        float[] array = null;
        for (int i = free.size() - 1; i >= 0 && array == null; i--) {
            if (free.get(i).length == size) {
                array = free.remove(i);
            }
        }
        if (array == null) {
            array = new float[size];
        }
        used.add(array);
        return array;
    }

    /// Every array but `kept` may be taken again.
    void releaseAllBut(float[] kept) {
        for (float[] array : used) {
            if (array != kept) {
                free.add(array);
            }
        }
        used.clear();
        used.add(kept);
    }

    /// Forgets all arrays: those of another size come next.
    void clear() {
        used.clear();
        free.clear();
    }
}
