package dev.quern.kernels;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.quern.core.UsageException;
import java.lang.management.ManagementFactory;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The vector width that all kernels of this process use, chosen once at start-up.
///
/// `-Dquern.vector=128|256|512|scalar` forces one; without it, or with `auto`, the processor's preferred width is
/// taken.
/// Scalar is also chosen where the processor has no fused multiply-add, which the Vector API would emulate at a
/// hundredth of the speed. Species are constants of the JVM, as the compiler needs them to be.
public final class VectorWidth {
    /// True if plain Java loops stand in for the Vector API.
    public static final boolean SCALAR;

    /// Bits of one vector; 0 if scalar.
    public static final int BITS;

    static final VectorSpecies<Float> FLOATS;
    static final VectorSpecies<Integer> INTS;

    /// As many 16-bit lanes as `FLOATS` has lanes: half the shape.
    static final VectorSpecies<Short> SHORTS;

    /// Lanes of a float vector.
    static final int LANES;

    private static final String REASON;

    static {
        String wish = System.getProperty("quern.vector", "auto");
        int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        boolean fused = fusedMultiplyAdd();
        int bits = switch (wish) {
            case "auto" -> fused ? Math.clamp(preferred, 128, 512) : 0;
            case "128" -> 128;
            case "256" -> 256;
            case "512" -> 512;
            case "scalar" -> 0;
            default -> throw new UsageException("-Dquern.vector=" + wish + ": expected auto, 128, 256, 512 or scalar");
        };
        BITS = bits;
        SCALAR = bits == 0;
        VectorShape shape = switch (bits) {
            case 512 -> VectorShape.S_512_BIT;
            case 256 -> VectorShape.S_256_BIT;
            default -> VectorShape.S_128_BIT;
        };
        FLOATS = VectorSpecies.of(float.class, shape);
        INTS = VectorSpecies.of(int.class, shape);
        SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(shape.vectorBitSize() / 2));
        LANES = FLOATS.length();
        REASON = !wish.equals("auto")
                ? "forced by -Dquern.vector=" + wish
                        + (bits > preferred ? ", wider than this processor's " + preferred + ": slow" : "")
                : fused ? "this processor's width" : "this processor has no fused multiply-add";
    }

    private VectorWidth() {}

    /// The width and why, for `doctor`: `512 bits (this processor's width)`.
    public static String describe() {
        return (SCALAR ? "scalar" : BITS + " bits") + " (" + REASON + ")";
    }

    private static boolean fusedMultiplyAdd() {
        HotSpotDiagnosticMXBean hotspot = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        if (hotspot == null) {
            return true;
        }
        try {
            return Boolean.parseBoolean(hotspot.getVMOption("UseFMA").getValue());
        } catch (IllegalArgumentException unknownOption) {
            return true;
        }
    }
}
