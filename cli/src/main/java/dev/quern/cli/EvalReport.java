package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.eval.ChoiceScore;
import dev.quern.eval.Divergence;
import dev.quern.eval.Perplexity;
import dev.quern.formats.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A measurement as `eval` tells it: as JSON and as lines for a person.
final class EvalReport {
    private final ObjectNode json = Json.object();
    private final List<String> lines = new ArrayList<>();

    private EvalReport(String task) {
        json.put("task", task);
    }

    /// `window` is the windows' length in tokens.
    static EvalReport of(Perplexity result, int window) {
        EvalReport report = new EvalReport("perplexity");
        report.json
                .put("protocol", result.protocol())
                .put("window", window)
                .put("value", result.value())
                .put("stderr", result.standardError())
                .put("tokens", result.tokens())
                .put("windows", result.windows());
        report.line("perplexity", "%.4f ± %.4f", result.value(), result.standardError());
        report.over(result.tokens(), result.windows(), window, result.protocol());
        return report;
    }

    static EvalReport of(Divergence result, String protocol, int window) {
        EvalReport report = new EvalReport("kl");
        report.json
                .put("protocol", protocol)
                .put("window", window)
                .put("value", result.meanKl())
                .put("stderr", result.standardError())
                .put("mean_kl", result.meanKl())
                .put("median_kl", result.medianKl())
                .put("kl_99", result.kl99())
                .put("kl_999", result.kl999())
                .put("max_kl", result.maxKl())
                .put("top1_agreement", result.top1Agreement())
                .put("ppl", result.perplexity())
                .put("ppl_reference", result.referencePerplexity())
                .put("tokens", result.tokens())
                .put("windows", result.windows());
        report.line("mean KL", "%.6f ± %.6f nats a token", Math.max(0, result.meanKl()), result.standardError());
        report.line(
                "KL", "median %.6f, 99 %% below %.4f, greatest %.4f", result.medianKl(), result.kl99(), result.maxKl());
        report.line("same top token", "%.2f %%", 100 * result.top1Agreement());
        report.line("perplexity", "%.4f, of the reference %.4f", result.perplexity(), result.referencePerplexity());
        report.over(result.tokens(), result.windows(), window, protocol);
        return report;
    }

    static EvalReport of(ChoiceScore result) {
        EvalReport report = new EvalReport(result.task());
        report.json
                .put("value", result.acc())
                .put("acc", result.acc())
                .put("acc_norm", result.accNorm())
                .put("stderr", result.standardError())
                .put("stderr_norm", result.standardErrorNorm())
                .put("n", result.n());
        report.line("acc", "%.4f ± %.4f", result.acc(), result.standardError());
        report.line("acc_norm", "%.4f ± %.4f", result.accNorm(), result.standardErrorNorm());
        report.line("over", "%,d questions of %s", result.n(), result.task());
        return report;
    }

    /// Adds how it was run; `activations` are the ways in which activations and the KV cache are held.
    EvalReport run(Executor executor, List<String> activations, double seconds) {
        json.put("executor", executor.toString()).put("seconds", seconds);
        activations.forEach(json.putArray("activations")::add);
        if (!activations.isEmpty()) {
            line("activations", "%s", String.join("; ", activations));
        }
        line("how", "executor %s, %.1f s", executor, seconds);
        return this;
    }

    ObjectNode json() {
        return json;
    }

    List<String> lines() {
        return lines;
    }

    private void over(long tokens, int windows, int window, String protocol) {
        line("over", "%,d tokens in %d windows of %d, protocol %s", tokens, windows, window, protocol);
    }

    private void line(String name, String format, Object... values) {
        lines.add(String.format(Locale.ROOT, "%-14s  ", name) + String.format(Locale.ROOT, format, values));
    }
}
