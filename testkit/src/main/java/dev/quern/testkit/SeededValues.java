package dev.quern.testkit;

/// Numbers that depend on a name and a seed only, the same in every JVM: what tiny models are filled with.
final class SeededValues {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private long state;

    SeededValues(String name, long seed) {
        long hash = seed * GOLDEN_GAMMA;
        for (int i = 0; i < name.length(); i++) {
            hash = hash * 31 + name.charAt(i);
        }
        this.state = hash;
    }

    /// The next number, uniform in −1 … 1 with 24 bits (SplitMix64).
    float next() {
        state += GOLDEN_GAMMA;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        z ^= z >>> 31;
        return (z >>> 40) * 0x1p-23f - 1;
    }

    /// `count` numbers, uniform in `center − spread … center + spread`.
    float[] uniform(int count, float center, float spread) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = center + spread * next();
        }
        return values;
    }
}
