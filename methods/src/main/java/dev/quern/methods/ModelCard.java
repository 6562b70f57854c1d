package dev.quern.methods;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;

/// The README.md of a quantized model: what was done to it, what it cost, how to run it.
final class ModelCard {
    private ModelCard() {}

    static String text(
            String model,
            Recipe recipe,
            List<LayerReport> layers,
            List<BlockReport> blocks,
            double bitsPerWeight,
            ObjectNode fingerprint) {
        StringBuilder card = new StringBuilder();
        card.append("---\ntags:\n- quantized\n- quern\n- gptq-layout\n---\n\n");
        card.append("# ")
                .append(model)
                .append(", quantized by ")
                .append(recipe.name())
                .append("\n\n");
        card.append(String.format(
                Locale.ROOT,
                "%d Linears at %.3f bits a weight, scales and zero points counted; activations %s.%n%n",
                layers.size(),
                bitsPerWeight,
                recipe.activations()));
        card.append("## Recipe\n\n```json\n")
                .append(recipe.toJson().toPrettyString())
                .append("\n```\n\n");
        var calibration = fingerprint.path("calibration");
        if (!calibration.isEmpty()) {
            card.append(String.format(
                    Locale.ROOT,
                    "Calibrated on %d tokens of `%s` (SHA-256 `%s`), seed %d.%n%n",
                    calibration.path("tokens").asLong(),
                    calibration.path("file").asText(),
                    calibration.path("sha256").asText(),
                    fingerprint.path("seed").asLong()));
        }
        card.append("## Loss of each layer's output\n\n");
        worst(card, layers);
        transformed(card, blocks);
        card.append(
                "\nAll layers, checksums and versions are in `quern.json`. The weights are in the GPTQ layout, which"
                        + " Transformers, vLLM and others read; `quern generate DIRECTORY -p TEXT` runs them on the JVM.\n");
        return card.toString().replace("\r\n", "\n");
    }

    private static void transformed(StringBuilder card, List<BlockReport> blocks) {
        if (blocks.isEmpty()) {
            return;
        }
        card.append("\n## What transforming each block gained\n\nError of the block's output when its weights are"
                + " rounded to nearest, relative to the output.\n\n");
        card.append("| block | method | before | after | remark |\n|---|---|---|---|---|\n");
        for (BlockReport block : blocks) {
            BlockOutcome outcome = block.outcome();
            card.append(String.format(
                    Locale.ROOT,
                    "| %d | %s | %.3e | %.3e | %s |%n",
                    block.block(),
                    block.method(),
                    outcome.lossBefore(),
                    outcome.lossAfter(),
                    outcome.fallback() == null ? "" : "fell back to " + outcome.fallback()));
        }
    }

    private static void worst(StringBuilder card, List<LayerReport> layers) {
        card.append("| layer | relative error | remark |\n|---|---|---|\n");
        layers.stream()
                .sorted((a, b) -> Double.compare(b.relativeError(), a.relativeError()))
                .limit(10)
                .forEach(layer -> card.append(String.format(
                        Locale.ROOT,
                        "| %s | %.3e | %s |%n",
                        layer.name(),
                        layer.relativeError(),
                        layer.fallback() == null ? "" : "fell back to " + layer.fallback())));
        long fallbacks = layers.stream().filter(l -> l.fallback() != null).count();
        card.append("\nThe ten largest; ").append(fallbacks).append(" of ").append(layers.size());
        card.append(" layers needed a fallback.\n");
    }
}
