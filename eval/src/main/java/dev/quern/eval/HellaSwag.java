package dev.quern.eval;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// HellaSwag (arXiv:1905.07830) as lm-eval puts it: activity, what happened so far, four ways in which it goes on.
///
/// The last fragment of the story (`ctx_b`) is capitalized. A row that has only the joined `ctx` is cut behind its last
/// sentence; what ends with a sentence has no fragment.
final class HellaSwag implements ChoiceTask {
    private static final Pattern SENTENCE_END = Pattern.compile("[.!?][\"')]* ");
    private static final Pattern FINISHED = Pattern.compile("[.!?][\"')]*\\s*$");
    private static final Pattern BRACKETS = Pattern.compile("\\[.*?\\]");

    @Override
    public String name() {
        return "hellaswag";
    }

    @Override
    public ChoiceQuestion question(JsonNode row) {
        String story = row.has("ctx_a")
                ? ChoiceTask.text(row, "ctx_a") + " " + capitalized(ChoiceTask.text(row, "ctx_b"))
                : joined(ChoiceTask.text(row, "ctx"));
        if (!row.path("endings").isArray()) {
            throw new IllegalArgumentException("no list under \"endings\"");
        }
        List<String> endings = new ArrayList<>();
        row.path("endings").forEach(ending -> endings.add(cleaned(ending.asText())));
        String context = cleaned(ChoiceTask.text(row, "activity_label") + ": " + story);
        return new ChoiceQuestion(context, endings, ChoiceTask.label(row));
    }

    private static String joined(String ctx) {
        if (FINISHED.matcher(ctx).find()) {
            return ctx;
        }
        int fragment = 0;
        Matcher end = SENTENCE_END.matcher(ctx);
        while (end.find()) {
            fragment = end.end();
        }
        return ctx.substring(0, fragment) + capitalized(ctx.substring(fragment));
    }

    /// As Python's `str.capitalize`: the rest becomes small letters.
    private static String capitalized(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /// Without the marks that WikiHow's structure left in the text.
    private static String cleaned(String text) {
        return BRACKETS.matcher(text.strip().replace(" [title]", ". "))
                .replaceAll("")
                .replace("  ", " ");
    }
}
