package dev.quern.formats;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.quern.core.CorruptFileException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The header of one safetensors file, checked as strictly as the format allows: no duplicate keys, no holes, no
/// overlaps, each tensor as long as its type and shape say, and the whole data covered.
record SafetensorsHeader(long dataStart, Map<String, SafetensorsEntry> entries, Map<String, String> metadata) {
    /// The format's own limit on the header.
    static final long MAX_BYTES = 100_000_000;

    private static final int MAX_RANK = 64;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    static SafetensorsHeader read(MappedFile file) {
        long length = length(file);
        byte[] text = file.data().asSlice(8, length).toArray(JAVA_BYTE);
        Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        var decoder = StandardCharsets.UTF_8.newDecoder();
        try (JsonParser parser = JSON.createParser(new InputStreamReader(new ByteArrayInputStream(text), decoder))) {
            new Reading(file, parser).header(entries, metadata);
        } catch (JsonProcessingException e) {
            throw Json.corrupt(file.path(), 8, e);
        } catch (CharacterCodingException e) {
            throw file.corrupt(8, "the header is not UTF-8");
        } catch (IOException e) {
            throw Failures.reading(file.path(), e);
        }
        long dataStart = 8 + length;
        checkCoverage(file, dataStart, entries);
        return new SafetensorsHeader(dataStart, entries, metadata);
    }

    private static long length(MappedFile file) {
        if (file.size() < 8) {
            throw file.corrupt(0, "not a safetensors file: it holds only " + file.size() + " bytes");
        }
        long length = file.data().get(Tensor.LONG, 0);
        if (length < 2 || length > MAX_BYTES) {
            String what = looksLikeText(file) ? "it begins like a text file" : "wrong first bytes";
            throw file.corrupt(
                    0,
                    "not a safetensors file: " + what + " (they claim a header of " + Long.toUnsignedString(length)
                            + " bytes, allowed are 2 to " + MAX_BYTES + ")");
        }
        if (length > file.size() - 8) {
            throw file.corrupt(
                    0,
                    "the header is said to take " + length + " bytes but only " + (file.size() - 8)
                            + " follow: the file is truncated, or no safetensors file; fetch it again");
        }
        if (file.data().get(JAVA_BYTE, 8) != '{') {
            throw file.corrupt(8, "not a safetensors file: the header does not start with {");
        }
        return length;
    }

    private static boolean looksLikeText(MappedFile file) {
        for (int i = 0; i < 8; i++) {
            byte b = file.data().get(JAVA_BYTE, i);
            if (b != '\n' && b != '\r' && b != '\t' && (b < 32 || b == 127)) {
                return false;
            }
        }
        return true;
    }

    private static void checkCoverage(MappedFile file, long dataStart, Map<String, SafetensorsEntry> entries) {
        List<SafetensorsEntry> inOrder = new ArrayList<>(entries.values());
        inOrder.sort(Comparator.comparingLong(SafetensorsEntry::begin).thenComparingLong(SafetensorsEntry::end));
        long dataBytes = file.size() - dataStart;
        long end = 0;
        for (SafetensorsEntry entry : inOrder) {
            if (entry.end() > dataBytes) {
                throw file.corrupt(
                        dataStart + entry.begin(),
                        "tensor " + entry.name() + " ends " + (entry.end() - dataBytes)
                                + " bytes past the end of the file: truncated or corrupt; fetch it again");
            }
            if (entry.begin() != end) {
                throw file.corrupt(
                        dataStart + entry.begin(),
                        "tensor " + entry.name() + (entry.begin() < end ? " overlaps the one before it" : " leaves a")
                                + (entry.begin() < end ? "" : " hole of " + (entry.begin() - end) + " bytes")
                                + " (expected to begin at data byte " + end + ", not " + entry.begin() + ")");
            }
            end = entry.end();
        }
        if (end != dataBytes) {
            throw file.corrupt(dataStart + end, (dataBytes - end) + " bytes at the end belong to no tensor");
        }
    }

    /// One pass over the header's tokens.
    private record Reading(MappedFile file, JsonParser parser) {
        void header(Map<String, SafetensorsEntry> entries, Map<String, String> metadata) throws IOException {
            expect(JsonToken.START_OBJECT, parser.nextToken(), "the header");
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                if (name.equals("__metadata__")) {
                    metadata(metadata);
                } else {
                    entries.put(name, entry(name));
                }
            }
            if (parser.nextToken() != null) {
                throw corrupt("text behind the header's closing brace");
            }
        }

        private void metadata(Map<String, String> metadata) throws IOException {
            expect(JsonToken.START_OBJECT, parser.nextToken(), "__metadata__");
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                expect(JsonToken.VALUE_STRING, parser.nextToken(), "__metadata__." + key);
                metadata.put(key, parser.getText());
            }
        }

        private SafetensorsEntry entry(String name) throws IOException {
            expect(JsonToken.START_OBJECT, parser.nextToken(), "tensor " + name);
            String dtype = null;
            long[] shape = null;
            long[] offsets = null;
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                switch (key) {
                    case "dtype" -> {
                        expect(JsonToken.VALUE_STRING, parser.nextToken(), "dtype of " + name);
                        dtype = parser.getText();
                    }
                    case "shape" -> shape = longs("shape of " + name);
                    case "data_offsets" -> offsets = longs("data_offsets of " + name);
                    default -> throw corrupt("tensor " + name + " has an unknown field " + key);
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw corrupt("tensor " + name + " lacks its dtype, shape or data_offsets");
            }
            return checked(name, dtype, shape, offsets);
        }

        private SafetensorsEntry checked(String name, String dtype, long[] sizes, long[] offsets) {
            if (offsets.length != 2 || offsets[0] > offsets[1]) {
                throw corrupt("tensor " + name + " has data_offsets " + Arrays.toString(offsets)
                        + ", expected a begin and an end not below it");
            }
            Shape shape;
            long bits;
            try {
                shape = new Shape(sizes);
                SafetensorsEntry entry = new SafetensorsEntry(name, dtype, shape, offsets[0], offsets[1]);
                if (entry.elementBits().isEmpty()) {
                    return entry;
                }
                bits = Math.multiplyExact(
                        shape.count(), (long) entry.elementBits().get());
            } catch (ArithmeticException e) {
                throw corrupt("tensor " + name + " has a shape of more than 2^63 bits: " + Arrays.toString(sizes));
            }
            if (bits % 8 != 0 || bits / 8 != offsets[1] - offsets[0]) {
                throw corrupt("tensor " + name + " is " + dtype + " " + shape + ", which takes " + bits / 8
                        + " bytes, but its data_offsets span " + (offsets[1] - offsets[0]));
            }
            return new SafetensorsEntry(name, dtype, shape, offsets[0], offsets[1]);
        }

        private long[] longs(String what) throws IOException {
            expect(JsonToken.START_ARRAY, parser.nextToken(), what);
            long[] values = new long[MAX_RANK];
            int count = 0;
            while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
                if (count == MAX_RANK) {
                    throw corrupt(what + " has more than " + MAX_RANK + " numbers");
                }
                long value = parser.getLongValue();
                if (value < 0) {
                    throw corrupt(what + " holds the negative number " + value);
                }
                values[count++] = value;
            }
            expect(JsonToken.END_ARRAY, parser.currentToken(), what);
            return Arrays.copyOf(values, count);
        }

        private void expect(JsonToken wanted, @Nullable JsonToken found, String what) {
            if (found != wanted) {
                throw corrupt(what + ": expected " + words(wanted) + ", found " + words(found));
            }
        }

        private static String words(@Nullable JsonToken token) {
            return switch (token) {
                case null -> "the end";
                case START_OBJECT -> "an object";
                case START_ARRAY -> "an array of whole numbers";
                case END_ARRAY -> "whole numbers only";
                case VALUE_STRING -> "a string";
                default -> token.name().toLowerCase(java.util.Locale.ROOT);
            };
        }

        private CorruptFileException corrupt(String reason) {
            long at = Math.max(0, parser.currentTokenLocation().getCharOffset());
            return file.corrupt(8 + at, reason);
        }
    }
}
