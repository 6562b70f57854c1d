package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.KvScheme;
import dev.quern.core.Nearest;
import dev.quern.core.UsageException;
import java.util.List;
import java.util.Map;

/// The recipe's own keys: what activations and the KV cache are held in.
final class RecipeKeys {
    private RecipeKeys() {}

    private static final List<String> RANGES = List.of("dynamic", "static", "mixed");

    /// What `act-bits` and `kv-bits` are where nothing is quantized; who runs the model chooses the floats.
    private static final int FLOATS = 16;

    /// `act-bits`, `act-range` (`dynamic`, `static` or `mixed`), `act-symmetric` and `act-clip`; what
    /// is not given comes from `usual`, and where that leaves activations as they are: dynamic,
    /// symmetric at 8 bits and asymmetric below.
    static ActivationPlan activations(Map<String, ?> keys, ActivationScheme usual, String origin) {
        int bits = bits(keys, "act-bits", usual.bits(), origin);
        if (bits == FLOATS) {
            for (String key : List.of("act-range", "act-symmetric", "act-clip")) {
                if (keys.get(key) != null) {
                    throw new UsageException(
                            origin + ": " + key + " means nothing while act-bits is 16; give act-bits 4, 6 or 8");
                }
            }
            return ActivationPlan.of(ActivationScheme.FLOAT);
        }
        boolean same = bits == usual.bits();
        boolean symmetric = flag(keys, "act-symmetric", same ? usual.symmetric() : bits == 8, origin);
        String range = range(keys, usual, origin);
        float clip = share(keys, "act-clip", origin);
        return range.equals("dynamic")
                ? ActivationPlan.of(ActivationScheme.dynamic(bits, symmetric).withClip(clip))
                : new ActivationPlan(ActivationScheme.fixed(bits, symmetric).withClip(clip), range.equals("mixed"));
    }

    /// `kv-bits`: 2, 4, 8, or 16 for a cache that is not quantized.
    static KvScheme kv(Map<String, ?> keys, String origin) {
        int bits = bits(keys, "kv-bits", FLOATS, origin);
        if (bits != FLOATS && !KvScheme.of(bits).quantizes()) {
            throw new UsageException(
                    origin + ": kv-bits is 2, 4, 8, or " + FLOATS + " for a cache that is not quantized, not " + bits);
        }
        return bits == FLOATS ? KvScheme.FLOAT : KvScheme.of(bits);
    }

    /// The same read back from a scheme.
    static int kvBits(KvScheme kv) {
        return kv.quantizes() ? kv.bits() : FLOATS;
    }

    private static float share(Map<String, ?> keys, String key, String origin) {
        Object value = keys.get(key);
        if (value == null) {
            return 1;
        }
        if (value instanceof Number number) {
            return number.floatValue();
        }
        throw new UsageException(origin + ": " + key + " is a number, not " + value);
    }

    private static String range(Map<String, ?> keys, ActivationScheme usual, String origin) {
        Object value = keys.get("act-range");
        if (value == null) {
            return ActivationPlan.of(usual).range();
        }
        if (!RANGES.contains(value.toString())) {
            throw Nearest.unknown("value of " + origin + "'s act-range:", value.toString(), RANGES);
        }
        return value.toString();
    }

    private static boolean flag(Map<String, ?> keys, String key, boolean usual, String origin) {
        Object value = keys.get(key);
        if (value == null) {
            return usual;
        }
        return switch (value.toString()) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new UsageException(origin + ": " + key + " is true or false, not " + value);
        };
    }

    private static int bits(Map<String, ?> keys, String key, int usual, String origin) {
        Object value = keys.get(key);
        if (value == null) {
            return usual;
        }
        if (value instanceof Integer bits) {
            return bits;
        }
        throw new UsageException(origin + ": " + key + " is a whole number, not " + value);
    }
}
