package dev.quern.methods;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What a pipeline is about to do, worked out before anything starts: every shape is checked, nothing is read but
/// headers.
///
/// `bytes` are those of the weights in the output; `memoryBytes` is the expected peak; `seconds` a rough estimate for
/// this machine, 0 where nothing can be said. `tokens` is the number of calibration tokens. `bill` says in a line each
/// what the bits of a weight go to, where the form has more to say than its bytes.
public record Plan(
        String method,
        String format,
        List<PlannedLayer> layers,
        List<String> excluded,
        long keptBytes,
        long bytes,
        double bitsPerWeight,
        long memoryBytes,
        long tokens,
        double seconds,
        List<String> bill) {
    /// One Linear that will be quantized.
    public record PlannedLayer(String name, int rows, int cols, long bytes) {}

    /// What `--dry-run --json` prints.
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance
                .objectNode()
                .put("method", method)
                .put("format", format)
                .put("quantized_layers", layers.size())
                .put("bits_per_weight", bitsPerWeight)
                .put("bytes", bytes)
                .put("kept_bytes", keptBytes)
                .put("memory_bytes", memoryBytes)
                .put("calibration_tokens", tokens)
                .put("estimated_seconds", seconds);
        excluded.forEach(json.putArray("excluded")::add);
        if (!bill.isEmpty()) {
            bill.forEach(json.putArray("bill")::add);
        }
        return json;
    }

    /// A few lines for a person.
    public List<String> lines() {
        List<String> lines = new ArrayList<>(summary());
        lines.addAll(bill);
        return lines;
    }

    private List<String> summary() {
        return List.of(
                String.format(Locale.ROOT, "method     %s: %s", method, format),
                String.format(
                        Locale.ROOT,
                        "layers     %d Linears to be quantized, %d left as they are",
                        layers.size(),
                        excluded.size()),
                String.format(
                        Locale.ROOT,
                        "size       %.1f MB of weights (%.3f bits per quantized weight, %.1f MB kept as they are)",
                        bytes / 1e6,
                        bitsPerWeight,
                        keptBytes / 1e6),
                String.format(Locale.ROOT, "memory     about %.1f GB at the peak", memoryBytes / 1e9),
                tokens == 0
                        ? "tokens     none: this method needs no calibration text"
                        : String.format(Locale.ROOT, "tokens     %d for calibration", tokens),
                String.format(Locale.ROOT, "time       roughly %.0f s", seconds));
    }
}
