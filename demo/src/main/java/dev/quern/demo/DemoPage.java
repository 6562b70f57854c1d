package dev.quern.demo;

import java.util.Locale;

/// A tour's result as one HTML page that needs nothing else: no script, no network.
public final class DemoPage {
    private static final String STYLE = """
            :root { color-scheme: light dark; --ink: #1b1b1f; --soft: #6b6b76; --line: #d9d9e0; --paper: #fdfdfc; }
            @media (prefers-color-scheme: dark) {
              :root { --ink: #ececf1; --soft: #a0a0ac; --line: #3a3a44; --paper: #17171b; }
            }
            body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
              max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
            table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
            th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
            th:first-child, td:first-child { text-align: left; }
            th { color: var(--soft); font-weight: 500; }
            svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 13px; }
            blockquote { margin: .3rem 0 1rem; padding-left: 1rem; border-left: 3px solid var(--line); }
            .scroll { overflow-x: auto; } p, dt { margin-top: 1rem; } dt { font-weight: 600; } dd { margin: 0; }
            .note { color: var(--soft); }
            """;

    private DemoPage() {}

    /// The page: chart, table, continuations.
    public static String html(Demo.Result result) {
        return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                + "<title>Quern: what quantizing costs</title>\n<style>\n" + STYLE + "</style>\n</head>\n<body>\n"
                + "<h1>What quantizing costs</h1>\n"
                + "<p>One tiny model, every method at its widths. Measured are the written files, on held-out text"
                + " that shares no story with the training.</p>\n"
                + DemoChart.svg(result)
                + table(result)
                + continuations(result)
                + "</body>\n</html>\n";
    }

    private static String table(Demo.Result result) {
        StringBuilder html = new StringBuilder("<div class=\"scroll\"><table>\n<thead><tr>");
        for (String head :
                new String[] {"method", "bits", "bits per weight", "size", "perplexity", "KL", "answers", "tokens/s"}) {
            html.append("<th scope=\"col\">").append(head).append("</th>");
        }
        html.append("</tr></thead>\n<tbody>\n");
        for (Demo.Row row : result.rows()) {
            html.append(String.format(
                    Locale.ROOT,
                    "<tr><td>%s</td><td>%d</td><td>%.2f</td><td>%.2f MB</td><td>%.4f</td><td>%.5f</td>"
                            + "<td>%.0f %%</td><td>%.0f</td></tr>%n",
                    escape(row.method()),
                    row.bits(),
                    row.bitsPerWeight(),
                    row.bytes() / 1e6,
                    row.perplexity(),
                    row.kl(),
                    100 * row.answers(),
                    row.tokensPerSecond()));
        }
        return html.append("</tbody></table></div>\n<p class=\"note\">KL: mean divergence from the float model, nats a"
                        + " token. Answers: questions about held-out stories answered right.</p>\n")
                .toString();
    }

    private static String continuations(Demo.Result result) {
        StringBuilder html = new StringBuilder("<h2>The same beginning, continued</h2>\n<p>")
                .append(escape(result.beginning()))
                .append("</p>\n<dl>\n");
        for (Demo.Continuation continuation : result.continuations()) {
            html.append("<dt>")
                    .append(escape(continuation.label()))
                    .append("</dt><dd><blockquote>")
                    .append(escape(continuation.text().strip()))
                    .append("</blockquote></dd>\n");
        }
        return html.append("</dl>\n").toString();
    }

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("\n", "<br>");
    }
}
