package dev.quern.formats;

import dev.quern.core.DType;
import dev.quern.core.Shape;
import java.util.Arrays;
import java.util.Optional;

/// One line of a safetensors header: bytes `begin … end` are counted from the start of the data.
record SafetensorsEntry(String name, String dtypeName, Shape shape, long begin, long end) {
    /// The element type, absent where Quern cannot hold it (for instance `F8_E4M3`).
    Optional<DType> dtype() {
        return Arrays.stream(DType.values())
                .filter(d -> d.name().equals(dtypeName))
                .findFirst();
    }

    /// Bits of one element, also of the types that Quern cannot hold; absent for names it never heard of.
    Optional<Integer> elementBits() {
        return switch (dtypeName) {
            case "C64", "F64", "I64", "U64" -> Optional.of(64);
            case "F32", "I32", "U32" -> Optional.of(32);
            case "F16", "BF16", "I16", "U16" -> Optional.of(16);
            case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ" -> Optional.of(8);
            case "F6_E2M3", "F6_E3M2" -> Optional.of(6);
            case "F4" -> Optional.of(4);
            default -> Optional.empty();
        };
    }

    long bytes() {
        return end - begin;
    }
}
