package dev.quern.testkit;

import dev.quern.core.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A float32 array of NumPy's file format: what golden logits come in.
public record Npy(int[] shape, float[] values) {
    private static final Pattern SHAPE = Pattern.compile("'shape': \\(([0-9, ]*)\\)");

    /// Reads a file.
    public static Npy read(Path file) throws IOException {
        return parse(Files.readAllBytes(file), file.toString());
    }

    /// Reads a resource of the test's class path.
    public static Npy resource(Class<?> test, String name) throws IOException {
        try (InputStream in = test.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("no resource " + name + "; make it with tools/make_architecture_goldens.py");
            }
            return parse(in.readAllBytes(), name);
        }
    }

    private static Npy parse(byte[] bytes, String origin) throws IOException {
        MemorySegment data = MemorySegment.ofArray(bytes);
        int headerBytes = Short.toUnsignedInt(data.get(Tensor.SHORT, 8));
        String header = new String(bytes, 10, headerBytes, StandardCharsets.ISO_8859_1);
        Matcher shape = SHAPE.matcher(header);
        if (bytes[6] != 1 || !header.contains("'<f4'") || header.contains("True") || !shape.find()) {
            throw new IOException(origin + ": not a row-major float32 array of version 1: " + header);
        }
        int[] sizes = Arrays.stream(shape.group(1).split(","))
                .map(String::strip)
                .filter(s -> !s.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
        float[] values = new float[Arrays.stream(sizes).reduce(1, Math::multiplyExact)];
        MemorySegment.copy(data, Tensor.FLOAT, 10L + headerBytes, values, 0, values.length);
        return new Npy(sizes, values);
    }
}
