package dev.quern.kernels;

import dev.quern.core.UsageException;
import java.util.Arrays;
import java.util.Locale;

/// How kernels of integer codes take activations: as floats, or rounded to codes with a scale for each 32.
///
/// `INT16` moves a product by some 2e-5 of its size and perplexity by about a thousandth of a percent, and lets
/// machine code multiply (docs/adr/006). `INT8` reads prompts faster by half again and costs perplexity some 0.4 %.
/// Where machine code does not run, and for encodings that it does not hold, activations are floats whatever is asked.
public enum InputPrecision {
    FLOAT(0),
    INT16(2),
    INT8(1);

    /// What `-Dquern.inputs` asks for; `INT16` if nothing.
    public static final InputPrecision DEFAULT = named(System.getProperty("quern.inputs", "int16"));

    /// Bytes of a code; 0 for floats.
    final int bytes;

    InputPrecision(int bytes) {
        this.bytes = bytes;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    private static InputPrecision named(String name) {
        return Arrays.stream(values())
                .filter(precision -> precision.toString().equals(name))
                .findFirst()
                .orElseThrow(() -> new UsageException("-Dquern.inputs=" + name + ": expected int16, int8 or float"));
    }
}
