package dev.quern.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChoiceTaskTest {
    @TempDir
    Path directory;

    @Test
    void hellaSwagIsCleanedAndItsFragmentCapitalized() throws IOException {
        ChoiceQuestion question = only("hellaswag", """
                {"activity_label": "Roof", "ctx_a": "A man is  sitting.", "ctx_b": "he Then", "label": "3",\
                 "endings": ["is using wrap [title] Now.", "rips [step] level", " c ", "starts pulling."]}""");
        assertThat(question.context()).isEqualTo("Roof: A man is sitting. He then");
        assertThat(question.choices()).containsExactly("is using wrap. Now.", "rips level", "c", "starts pulling.");
        assertThat(question.label()).isEqualTo(3);
    }

    @Test
    void aHellaSwagRowOfOneContextIsCutBehindItsLastSentence() throws IOException {
        String row = """
                {"activity_label": "A", "ctx": "%s", "label": 0, "endings": ["x", "y"]}""";
        assertThat(only("hellaswag", row.formatted("He cuts it. He is 3.5 m tall. the Man"))
                        .context())
                .isEqualTo("A: He cuts it. He is 3.5 m tall. The man");
        assertThat(only("hellaswag", row.formatted("a man. It ends here.")).context())
                .isEqualTo("A: a man. It ends here.");
        assertThat(only("hellaswag", row.formatted("a man")).context()).isEqualTo("A: A man");
    }

    @Test
    void piqaAsksForAnAnswerAndKeepsItsChoices() throws IOException {
        ChoiceQuestion question = only("piqa", """
                {"goal": "dresser", "sol1": "replace drawer ", "sol2": "finish", "label": 1}""");
        assertThat(question.context()).isEqualTo("Question: dresser\nAnswer:");
        assertThat(question.choices()).containsExactly("replace drawer ", "finish");
    }

    @Test
    void aRowOfAnotherTaskIsNamedByItsLine() throws IOException {
        Path file = directory.resolve("data.jsonl");
        Files.writeString(file, """
                {"goal": "a", "sol1": "b", "sol2": "c", "label": 0}
                {"question": "a"}
                """);
        assertThat(task("piqa").questions(file, 1)).hasSize(1);
        assertThatThrownBy(() -> task("piqa").questions(file, 0))
                .isInstanceOf(QuernException.class)
                .hasMessageContaining("line 2")
                .hasMessageContaining("goal");
    }

    private ChoiceQuestion only(String task, String row) throws IOException {
        Path file = Files.writeString(directory.resolve("row.jsonl"), row + "\n");
        List<ChoiceQuestion> questions = task(task).questions(file, 0);
        assertThat(questions).hasSize(1);
        return questions.getFirst();
    }

    private static ChoiceTask task(String name) {
        return ChoiceTask.named(name).orElseThrow();
    }
}
