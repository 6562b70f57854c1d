package dev.quern.methods;

import dev.quern.core.ActivationScheme;
import dev.quern.core.Nearest;
import dev.quern.core.UsageException;
import java.util.List;
import java.util.Map;

/// The recipe's own keys: what activations and the KV cache are held in.
final class RecipeKeys {
    private RecipeKeys() {}

    /// `act-bits`, `act-range` (`dynamic` or `static`) and `act-symmetric`; what is not given comes from `usual`,
    /// and
    /// where that leaves activations as they are: dynamic, symmetric at 8 bits and asymmetric below.
    static ActivationScheme activations(Map<String, ?> keys, ActivationScheme usual, String origin) {
        int bits = bits(keys, "act-bits", usual.bits(), origin);
        if (bits == 16) {
            for (String key : List.of("act-range", "act-symmetric")) {
                if (keys.get(key) != null) {
                    throw new UsageException(
                            origin + ": " + key + " means nothing while act-bits is 16; give act-bits 4, 6 or 8");
                }
            }
            return ActivationScheme.FLOAT;
        }
        boolean same = bits == usual.bits();
        boolean symmetric = flag(keys, "act-symmetric", same ? usual.symmetric() : bits == 8, origin);
        boolean dynamic = range(keys, usual.dynamic(), origin);
        return dynamic ? ActivationScheme.dynamic(bits, symmetric) : ActivationScheme.fixed(bits, symmetric);
    }

    private static boolean range(Map<String, ?> keys, boolean usual, String origin) {
        Object value = keys.get("act-range");
        if (value == null) {
            return usual;
        }
        return switch (value.toString()) {
            case "dynamic" -> true;
            case "static" -> false;
            default ->
                throw Nearest.unknown(
                        "value of " + origin + "'s act-range:", value.toString(), List.of("dynamic", "static"));
        };
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

    static int bits(Map<String, ?> keys, String key, int usual, String origin) {
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
