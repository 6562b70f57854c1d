package dev.quern.kernels;

/// Keys and values of 64 positions of one layer, however they are held; a new way is one class and its `permits` entry.
sealed interface KvBlock permits KvFloats, KvHalves, KvCodes {
    /// Bytes held.
    long bytes();

    /// The key of position `slot` of a head, feature `d`; what the oracle reads.
    float key(int head, int slot, int d);

    /// The value of position `slot` of a head, feature `d`.
    float value(int head, int slot, int d);

    /// Keys of a head as `[headDim, 64]` floats from `at` on.
    void unpackKeys(int head, float[] target, int at);

    /// Values of a head as `[64, valueStride]` floats from `at` on, beyond `headDim` zeros.
    void unpackValues(int head, float[] target, int at);
}
