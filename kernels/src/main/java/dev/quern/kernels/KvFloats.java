package dev.quern.kernels;

/// Keys and values of a block as floats, which attention reads where they lie. Not thread-safe while `set` runs.
final class KvFloats implements KvBlock {
    private static final int BLOCK = KvLayer.BLOCK;

    private final KvShape shape;
    private final float[] keys;
    private final float[] values;

    /// A block of zeros.
    KvFloats(KvShape shape) {
        this.shape = shape;
        this.keys = new float[shape.keyCount()];
        this.values = new float[shape.valueCount()];
    }

    KvShape shape() {
        return shape;
    }

    /// All keys, laid out as `KvShape` says.
    float[] keys() {
        return keys;
    }

    float[] values() {
        return values;
    }

    /// Sets position `slot` of a head from `headDim` floats of its key and its value.
    void set(int head, int slot, float[] k, int kAt, float[] v, int vAt) {
        int to = shape.keyOffset(head) + slot;
        for (int d = 0; d < shape.headDim(); d++) {
            keys[to + d * BLOCK] = k[kAt + d];
        }
        System.arraycopy(v, vAt, values, shape.valueOffset(head) + slot * shape.valueStride(), shape.headDim());
    }

    @Override
    public long bytes() {
        return (long) Float.BYTES * (keys.length + values.length);
    }

    @Override
    public float key(int head, int slot, int d) {
        return keys[shape.keyOffset(head) + d * BLOCK + slot];
    }

    @Override
    public float value(int head, int slot, int d) {
        return values[shape.valueOffset(head) + slot * shape.valueStride() + d];
    }

    @Override
    public void unpackKeys(int head, float[] target, int at) {
        System.arraycopy(keys, shape.keyOffset(head), target, at, shape.headDim() * BLOCK);
    }

    @Override
    public void unpackValues(int head, float[] target, int at) {
        System.arraycopy(values, shape.valueOffset(head), target, at, BLOCK * shape.valueStride());
    }
}
