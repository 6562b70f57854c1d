package dev.quern.formats;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.CorruptFileException;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Walks through the head of a GGUF file; every read is checked against the file's end first.
final class GgufCursor {
    private final MappedFile file;
    private long at;

    GgufCursor(MappedFile file) {
        this.file = file;
    }

    MappedFile file() {
        return file;
    }

    long position() {
        return at;
    }

    private long take(long bytes, String what) {
        if (bytes > file.size() - at) {
            throw file.corrupt(
                    at,
                    what + " needs " + bytes + " bytes but the file ends after " + (file.size() - at)
                            + ": truncated or corrupt; fetch it again");
        }
        long from = at;
        at += bytes;
        return from;
    }

    int u32(String what) {
        return file.data().get(Tensor.INT, take(4, what));
    }

    long i64(String what) {
        return file.data().get(Tensor.LONG, take(8, what));
    }

    /// A number of things of which each takes at least `leastBytes`.
    long count(String what, int leastBytes) {
        long seenAt = at;
        long count = i64("number of " + what);
        if (count < 0 || count > (file.size() - at) / leastBytes) {
            throw file.corrupt(
                    seenAt,
                    "claims " + Long.toUnsignedString(count) + " " + what + ", more than the remaining "
                            + (file.size() - at) + " bytes can hold");
        }
        return count;
    }

    String string(String what, long maxBytes) {
        long seenAt = at;
        long length = i64("length of " + what);
        if (length < 0 || length > maxBytes || length > file.size() - at) {
            throw file.corrupt(
                    seenAt,
                    what + " claims " + Long.toUnsignedString(length) + " bytes; "
                            + Math.min(maxBytes, file.size() - at) + " are possible");
        }
        MemorySegment text = file.data().asSlice(take(length, what), length);
        return new String(text.toArray(JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /// A metadata value of type `type`.
    Object value(String key, int type) {
        return switch (type) {
            case GgufValue.STRING -> string("value of " + key, Integer.MAX_VALUE - 8);
            case GgufValue.ARRAY -> array(key);
            case GgufValue.BOOL -> bool(key);
            default -> {
                GgufValue number = GgufValue.of(type).orElseThrow(() -> unknown(key, type));
                yield number.read(file.data(), take(number.bytes(), "value of " + key));
            }
        };
    }

    private boolean bool(String key) {
        long from = take(1, "value of " + key);
        byte value = file.data().get(JAVA_BYTE, from);
        if (value != 0 && value != 1) {
            throw file.corrupt(from, key + " is a truth value of " + value + ", expected 0 or 1");
        }
        return value == 1;
    }

    private List<?> array(String key) {
        int type = u32("element type of " + key);
        if (type == GgufValue.ARRAY) {
            throw file.corrupt(at - 4, key + " is an array of arrays, which GGUF readers refuse");
        }
        if (type == GgufValue.STRING) {
            long count = count("strings of " + key, 8);
            List<String> strings = new ArrayList<>();
            for (long i = 0; i < count; i++) {
                strings.add(string("a string of " + key, Integer.MAX_VALUE - 8));
            }
            return Collections.unmodifiableList(strings);
        }
        if (type == GgufValue.BOOL) {
            long count = count("truth values of " + key, 1);
            List<Boolean> values = new ArrayList<>();
            for (long i = 0; i < count; i++) {
                values.add(bool(key));
            }
            return Collections.unmodifiableList(values);
        }
        GgufValue number = GgufValue.of(type).orElseThrow(() -> unknown(key, type));
        long seenAt = at;
        long count = count("numbers of " + key, number.bytes());
        if (count > Integer.MAX_VALUE - 8) {
            throw file.corrupt(seenAt, key + " holds " + count + " numbers, more than a Java list can");
        }
        long from = take(count * number.bytes(), key);
        return new GgufNumbers(
                number,
                (int) count,
                file.data().asSlice(from, count * number.bytes()).toArray(JAVA_BYTE));
    }

    private CorruptFileException unknown(String key, int type) {
        return file.corrupt(at - 4, key + " has the unknown value type " + Integer.toUnsignedString(type));
    }

    /// A u64 as Long where it fits.
    static Number unsigned(long value) {
        return value >= 0 ? (Number) value : new BigInteger(Long.toUnsignedString(value));
    }
}
