package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;

/// The result of a pipeline's run.
///
/// `bitsPerWeight` averages over the quantized Linears, everything counted; `modelBitsPerWeight` over
/// all parameters. `phases` say where the time of this run went, and add up to all of it. `blocks` is
/// empty where no method of the recipe transformed. `bytes` are those of all written files.
/// `peakRssBytes` is 0 where the system does not tell. `divergence` is that of the written files, read
/// back, from the source.
public record QuantizeReport(
        Path output,
        Recipe recipe,
        double bitsPerWeight,
        double modelBitsPerWeight,
        long bytes,
        List<Phases.Phase> phases,
        long peakRssBytes,
        List<LayerReport> layers,
        List<BlockReport> blocks,
        ShortDivergence divergence) {
    /// True where the written files were read back, hold the chosen codes, and predict more than a guess does.
    public boolean verified() {
        return divergence.sound();
    }

    /// Wall time of the run; one that was resumed counts from there.
    public double seconds() {
        return Phases.total(phases);
    }

    /// The fields of the command line's `--json`.
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance
                .objectNode()
                .put("output", output.toString())
                .put("method", recipe.name());
        json.set("recipe", recipe.toJson());
        json.put("bits_per_weight", bitsPerWeight)
                .put("model_bits_per_weight", modelBitsPerWeight)
                .put("bytes", bytes)
                .put("seconds", seconds())
                .put("peak_rss_bytes", peakRssBytes);
        ObjectNode times = json.putObject("phases");
        phases.forEach(phase -> times.put(phase.name(), phase.seconds()));
        ArrayNode array = json.putArray("layers");
        layers.forEach(layer -> array.add(layer.toJson()));
        ArrayNode done = json.putArray("blocks");
        blocks.forEach(block -> done.add(block.toJson()));
        divergence.addTo(json);
        return json.put("verified", verified());
    }

    /// The Linears where the method had to fall back.
    public List<LayerReport> fallbacks() {
        return layers.stream().filter(layer -> layer.fallback() != null).toList();
    }
}
