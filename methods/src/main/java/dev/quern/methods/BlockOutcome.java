package dev.quern.methods;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a method did to one block, for the journal, the log and `blocks[]` in `quern.json`.
///
/// `lossBefore` and `lossAfter` are the mean square error of the block's simulated quantized output relative to the
/// output's mean square, without and with the transform; NaN where they were not measured. `figures` are further
/// numbers by name (`condition`, `dominance-margin`, `steps`). `fallback` names what the method fell back to, null
/// where it did what it was asked to. `notes` are odd but harmless findings.
public record BlockOutcome(
        double lossBefore,
        double lossAfter,
        Map<String, Double> figures,
        @Nullable String fallback,
        List<String> notes) {
    /// What a fallback to the block as it was begins with.
    private static final String IDENTITY = "identity";

    public BlockOutcome {
        figures = Map.copyOf(new LinkedHashMap<>(figures));
        notes = List.copyOf(notes);
    }

    /// Just the two losses.
    public static BlockOutcome of(double lossBefore, double lossAfter) {
        return new BlockOutcome(lossBefore, lossAfter, Map.of(), null, List.of());
    }

    /// True where the method undid or never did anything.
    boolean leftAsItWas() {
        return fallback != null && fallback.startsWith(IDENTITY);
    }

    /// The same with one more figure.
    BlockOutcome with(String figure, double value) {
        Map<String, Double> more = new LinkedHashMap<>(figures);
        more.put(figure, value);
        return new BlockOutcome(lossBefore, lossAfter, more, fallback, notes);
    }

    /// The same where all was undone for the `reason`.
    BlockOutcome undone(String reason) {
        return new BlockOutcome(lossBefore, lossBefore, figures, reason, notes);
    }

    /// Nothing to tell.
    public static BlockOutcome none() {
        return of(Double.NaN, Double.NaN);
    }

    /// Why a block is left as it was: `changed`, what was done to it, it lost no less.
    static String noBetter(String kept, String changed, double before, double after) {
        return String.format(Locale.ROOT, "%s: %s, the block lost %.3g in place of %.3g", kept, changed, after, before);
    }

    ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (Double.isFinite(lossBefore)) {
            json.put("loss_before", lossBefore);
        }
        if (Double.isFinite(lossAfter)) {
            json.put("loss_after", lossAfter);
        }
        if (!figures.isEmpty()) {
            ObjectNode others = json.putObject("figures");
            figures.keySet().stream().sorted().forEach(name -> others.put(name.replace('-', '_'), figures.get(name)));
        }
        json.put("fallback", fallback);
        if (!notes.isEmpty()) {
            notes.forEach(json.putArray("notes")::add);
        }
        return json;
    }

    static BlockOutcome ofJson(JsonNode json) {
        Map<String, Double> figures = new LinkedHashMap<>();
        json.path("figures")
                .properties()
                .forEach(figure -> figures.put(
                        figure.getKey().replace('_', '-'), figure.getValue().asDouble()));
        List<String> notes = new ArrayList<>();
        json.path("notes").forEach(note -> notes.add(note.asText()));
        return new BlockOutcome(
                json.path("loss_before").asDouble(Double.NaN),
                json.path("loss_after").asDouble(Double.NaN),
                figures,
                json.path("fallback").isTextual() ? json.path("fallback").asText() : null,
                notes);
    }
}
