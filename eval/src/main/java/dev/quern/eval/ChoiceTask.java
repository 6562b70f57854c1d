package dev.quern.eval;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A task of choosing among continuations: how a line of its data set becomes a question.
public interface ChoiceTask {
    /// Every task; a new one is one class and one entry.
    List<ChoiceTask> ALL = List.of(new HellaSwag(), new Piqa());

    /// The task's name in lm-eval.
    String name();

    /// The question of one row of the data set; throws `IllegalArgumentException` saying what the row lacks.
    ChoiceQuestion question(JsonNode row);

    /// The task of that name.
    static Optional<ChoiceTask> named(String name) {
        return ALL.stream().filter(task -> task.name().equals(name)).findFirst();
    }

    /// The questions of a JSON Lines file, at most `limit` (0 = all).
    default List<ChoiceQuestion> questions(Path file, int limit) {
        List<ChoiceQuestion> questions = new ArrayList<>();
        int number = 0;
        for (String line : lines(file)) {
            number++;
            if (line.isBlank()) {
                continue;
            }
            try {
                questions.add(question(Json.parse(file, line)));
            } catch (IllegalArgumentException e) {
                throw new QuernException(file + ", line " + number + ": not a question of " + name() + ": "
                        + e.getMessage() + "; give --data the task's own JSON Lines file");
            }
            if (questions.size() == limit) {
                break;
            }
        }
        if (questions.isEmpty()) {
            throw new QuernException(file + ": no questions; " + name() + " needs one JSON object per line");
        }
        return questions;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new QuernException(file + ": cannot be read as UTF-8 text: " + e.getMessage());
        }
    }

    /// The text under `key`.
    static String text(JsonNode row, String key) {
        if (!row.path(key).isTextual()) {
            throw new IllegalArgumentException("no text under \"" + key + "\"");
        }
        return row.path(key).asText();
    }

    /// The number under `label`, which some data sets write as text.
    static int label(JsonNode row) {
        String text = row.path("label").asText("");
        if (!text.matches("\\d{1,3}")) {
            throw new IllegalArgumentException("\"label\" is not a number: the right choice, from 0");
        }
        return Integer.parseInt(text);
    }
}
