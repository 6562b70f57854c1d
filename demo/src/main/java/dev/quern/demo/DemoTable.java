package dev.quern.demo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;

/// A tour's result as text and as JSON.
public final class DemoTable {
    private DemoTable() {}

    /// A table for a terminal, then the continuations.
    public static String text(Demo.Result result) {
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "%-12s %5s %12s %9s %11s %9s %8s %9s%n",
                "method",
                "bits",
                "bits/weight",
                "size",
                "perplexity",
                "KL",
                "answers",
                "tokens/s"));
        for (Demo.Row row : result.rows()) {
            text.append(String.format(
                    Locale.ROOT,
                    "%-12s %5d %12.2f %6.2f MB %11.4f %9.5f %6.0f %% %9.0f%n",
                    row.method(),
                    row.bits(),
                    row.bitsPerWeight(),
                    row.bytes() / 1e6,
                    row.perplexity(),
                    row.kl(),
                    100 * row.answers(),
                    row.tokensPerSecond()));
        }
        text.append(String.format(
                "%nperplexity: on held-out text. KL: from the float model, nats a token. answers: questions about%n"
                        + "held-out stories answered right.%n"));
        text.append(String.format("%nAll continue: %s%n", result.beginning()));
        for (Demo.Continuation continuation : result.continuations()) {
            text.append(String.format(
                    "%n%s:%n  %s%n", continuation.label(), continuation.text().strip()));
        }
        return text.toString();
    }

    /// The same as one object.
    public static ObjectNode json(Demo.Result result) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode rows = json.putArray("rows");
        for (Demo.Row row : result.rows()) {
            rows.addObject()
                    .put("method", row.method())
                    .put("bits", row.bits())
                    .put("bits_per_weight", row.bitsPerWeight())
                    .put("bytes", row.bytes())
                    .put("perplexity", row.perplexity())
                    .put("kl", row.kl())
                    .put("answers", row.answers())
                    .put("tokens_per_second", row.tokensPerSecond())
                    .put("path", row.directory().toString());
        }
        json.put("beginning", result.beginning());
        ArrayNode continuations = json.putArray("continuations");
        for (Demo.Continuation continuation : result.continuations()) {
            continuations.addObject().put("label", continuation.label()).put("text", continuation.text());
        }
        return json.put("seconds", result.seconds());
    }
}
