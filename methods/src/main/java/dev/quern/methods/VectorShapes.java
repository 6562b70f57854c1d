package dev.quern.methods;

import dev.quern.core.UsageException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Shapes by a layer's name or the last parts of it, written `q_proj=v4-k256,layers.0.mlp.down_proj=v4-k64-16`; the
/// longest name counts.
record VectorShapes(Map<String, String> byEnd) {
    private static final int LISTED = 4;
    private static final Pattern SHAPE = Pattern.compile("v(\\d{1,2})-k(\\d{1,5})(?:-(\\d{1,5}))?");

    /// Throws `UsageException` for text of another form.
    static VectorShapes of(String text) {
        Map<String, String> shapes = new LinkedHashMap<>();
        for (String entry : text.isBlank() ? new String[0] : text.split(",", -1)) {
            int equals = entry.indexOf('=');
            if (equals < 1
                    || !SHAPE.matcher(entry.substring(equals + 1).strip()).matches()) {
                throw new UsageException("shapes are written NAME=v4-k256 or NAME=v4-k64-16, unlike " + entry);
            }
            shapes.put(
                    entry.substring(0, equals).strip(),
                    entry.substring(equals + 1).strip());
        }
        VectorShapes result = new VectorShapes(shapes);
        shapes.keySet().forEach(name -> result.find(name, false));
        return result;
    }

    /// The shape of layer `name`.
    Optional<VectorShape> find(String name, boolean norm) {
        String end = name;
        while (!byEnd.containsKey(end) && end.contains(".")) {
            end = end.substring(end.indexOf('.') + 1);
        }
        String shape = byEnd.get(end);
        if (shape == null) {
            return Optional.empty();
        }
        Matcher parts = SHAPE.matcher(shape);
        if (!parts.matches()) {
            throw new IllegalStateException(shape);
        }
        int residual = parts.group(3) == null ? 0 : Integer.parseInt(parts.group(3));
        int size = Integer.parseInt(parts.group(2));
        return Optional.of(new VectorShape(Integer.parseInt(parts.group(1)), size, residual, 1, 0, 0, 0, norm));
    }

    /// The most frequent shapes and how many names have each.
    @Override
    public String toString() {
        Map<String, Long> counts = byEnd.values().stream()
                .collect(Collectors.groupingBy(shape -> shape, LinkedHashMap::new, Collectors.counting()));
        return counts.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .limit(LISTED)
                .map(e -> e.getKey() + " × " + e.getValue())
                .collect(Collectors.joining(", ", "", counts.size() > LISTED ? ", …" : ""));
    }
}
