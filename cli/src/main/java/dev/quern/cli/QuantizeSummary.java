package dev.quern.cli;

import dev.quern.methods.LayerReport;
import dev.quern.methods.Phases;
import dev.quern.methods.QuantizeReport;
import java.io.PrintStream;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// The end of `quantize` for a person: what was made, what it cost, where the damage is greatest.
final class QuantizeSummary {
    private static final int WORST = 5;

    private QuantizeSummary() {}

    static void print(PrintStream out, QuantizeReport report) {
        out.println(report.output() + ": " + report.recipe().name());
        line(
                out,
                "size",
                "%s, %.3f bits per quantized weight, %.3f per parameter",
                ByteSize.print(report.bytes()),
                report.bitsPerWeight(),
                report.modelBitsPerWeight());
        line(
                out,
                "time",
                "%.1f s%s",
                report.seconds(),
                report.peakRssBytes() == 0
                        ? ""
                        : ", " + ByteSize.print(report.peakRssBytes()) + " of memory at the peak");
        line(out, "verified", "%s", report.verified() ? "yes, read back and compared" : "no");
        line(out, "divergence", "%s", report.divergence());
        List<LayerReport> worst = report.layers().stream()
                .sorted(Comparator.comparingDouble(LayerReport::relativeError).reversed())
                .limit(WORST)
                .toList();
        if (!worst.isEmpty()) {
            out.println();
            out.println("Layers with the greatest error, of " + report.layers().size() + ":");
            Table table = new Table("layer", "encoding", "bits/weight", "relative error");
            for (LayerReport layer : worst) {
                table.row(
                        layer.name(),
                        layer.encoding(),
                        String.format(Locale.ROOT, "%.3f", layer.bitsPerWeight()),
                        String.format(Locale.ROOT, "%.5f", layer.relativeError()));
            }
            table.print(out);
        }
        times(out, report);
        if (!report.fallbacks().isEmpty()) {
            out.println();
            out.println("Fallbacks (the method could not do what it was asked to):");
            report.fallbacks().forEach(layer -> out.println("  " + layer.name() + ": " + layer.fallback()));
        }
    }

    private static void times(PrintStream out, QuantizeReport report) {
        out.println();
        out.println("Where the time went:");
        Table table = new Table("phase", "seconds", "share");
        for (Phases.Phase phase : report.phases()) {
            table.row(
                    phase.name(),
                    String.format(Locale.ROOT, "%.1f", phase.seconds()),
                    String.format(Locale.ROOT, "%.1f %%", 100 * phase.seconds() / report.seconds()));
        }
        table.print(out);
    }

    static void line(PrintStream out, String name, String format, Object... values) {
        out.println(String.format(Locale.ROOT, "%-12s", name) + String.format(Locale.ROOT, format, values));
    }
}
