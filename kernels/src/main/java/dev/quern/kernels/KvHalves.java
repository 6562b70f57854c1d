package dev.quern.kernels;

import java.lang.foreign.MemorySegment;

/// Keys and values of a block as float16.
///
/// A number is rounded to the nearest, ties to even; one beyond ±65504, infinity too, becomes ±65504, so that scores
/// stay finite; one below 2⁻¹⁴ is a subnormal of float16, not zero; what is no number stays so. Widening is exact. Not
/// thread-safe while `set` runs.
final class KvHalves implements KvBlock {
    private static final int BLOCK = KvLayer.BLOCK;
    private static final float MOST = 65504;

    private final KvShape shape;
    private final short[] keys;
    private final short[] values;
    private final MemorySegment keyMemory;
    private final MemorySegment valueMemory;

    /// A block of zeros.
    KvHalves(KvShape shape) {
        this.shape = shape;
        this.keys = new short[shape.keyCount()];
        this.values = new short[shape.valueCount()];
        this.keyMemory = MemorySegment.ofArray(keys);
        this.valueMemory = MemorySegment.ofArray(values);
    }

    /// All keys as machine code takes them.
    MemorySegment keys() {
        return keyMemory;
    }

    /// All values as machine code takes them.
    MemorySegment values() {
        return valueMemory;
    }

    /// Sets position `slot` of a head from `headDim` floats of its key and its value.
    void set(int head, int slot, float[] k, int kAt, float[] v, int vAt) {
        int key = shape.keyOffset(head) + slot;
        int value = shape.valueOffset(head) + slot * shape.valueStride();
        for (int d = 0; d < shape.headDim(); d++) {
            keys[key + d * BLOCK] = half(k[kAt + d]);
        }
        for (int d = 0; d < shape.headDim(); d++) {
            values[value + d] = half(v[vAt + d]);
        }
    }

    private static short half(float value) {
        return Float.floatToFloat16(Math.max(-MOST, Math.min(MOST, value)));
    }

    @Override
    public long bytes() {
        return (long) Short.BYTES * (keys.length + values.length);
    }

    @Override
    public float key(int head, int slot, int d) {
        return Float.float16ToFloat(keys[shape.keyOffset(head) + d * BLOCK + slot]);
    }

    @Override
    public float value(int head, int slot, int d) {
        return Float.float16ToFloat(values[shape.valueOffset(head) + slot * shape.valueStride() + d]);
    }

    @Override
    public void unpackKeys(int head, float[] target, int at) {
        F16Panels.widen(keys, shape.keyOffset(head), target, at, shape.headDim() * BLOCK);
    }

    @Override
    public void unpackValues(int head, float[] target, int at) {
        F16Panels.widen(values, shape.valueOffset(head), target, at, BLOCK * shape.valueStride());
    }
}
