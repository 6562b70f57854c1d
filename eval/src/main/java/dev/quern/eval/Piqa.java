package dev.quern.eval;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/// PIQA (arXiv:1911.11641) as lm-eval puts it: a goal and two ways to reach it.
final class Piqa implements ChoiceTask {
    @Override
    public String name() {
        return "piqa";
    }

    @Override
    public ChoiceQuestion question(JsonNode row) {
        return new ChoiceQuestion(
                "Question: " + ChoiceTask.text(row, "goal") + "\nAnswer:",
                List.of(ChoiceTask.text(row, "sol1"), ChoiceTask.text(row, "sol2")),
                ChoiceTask.label(row));
    }
}
