package dev.quern.kernels;

/// Reusable float arrays of one thread, by slot; they only grow, so steady work allocates nothing.
///
/// What an array holds between uses is undefined. One kernel at a time uses a thread's scratch: kernels do not nest.
final class Scratch {
    private final float[][] slots = new float[6][0];

    /// An array of at least `size` floats.
    float[] floats(int slot, int size) {
        if (slots[slot].length < size) {
            slots[slot] = new float[size];
        }
        return slots[slot];
    }
}
