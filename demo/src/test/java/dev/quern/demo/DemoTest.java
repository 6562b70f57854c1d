package dev.quern.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.Progress;
import dev.quern.demo.Demo.Row;
import dev.quern.methods.Method;
import dev.quern.methods.Methods;
import dev.quern.models.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoTest {
    @TempDir
    static Path folder;

    private static final List<String> STEPS = new ArrayList<>();
    private static Demo.Result result = new Demo.Result(List.of(), "", List.of(), 0);

    @BeforeAll
    static void takeAShortTour() {
        Progress progress = (step, done, total) -> STEPS.add(done + "/" + total + " " + step);
        Demo.Options shorter = new Demo.Options(2, 0, 64, 6, 5, 24);
        result = Demo.run(DemoModel.directory(folder.resolve("cache")), folder.resolve("out"), shorter, progress);
    }

    @Test
    void everyMethodIsTriedAtEveryWidth() {
        List<String> expected = new ArrayList<>(List.of("float"));
        for (Method<?> method : Methods.ALL) {
            Demo.widths(method).forEach(bits -> expected.add(method.name() + " " + bits + " bits"));
        }
        assertThat(result.rows()).extracting(Row::label).containsExactlyElementsOf(expected);
        assertThat(STEPS).anyMatch(step -> step.startsWith("0/")).anyMatch(step -> step.contains("measuring"));
    }

    @Test
    void theFloatModelDoesNotDifferFromItself() {
        Row floats = result.rows().getFirst();
        // The two sums that a divergence subtracts are rounded apart.
        assertThat(floats.kl()).isCloseTo(0, within(1e-8));
        assertThat(result.rows().subList(1, result.rows().size()))
                .allSatisfy(row -> assertThat(row.kl()).isGreaterThan(1e-6));
    }

    @Test
    void fewerBitsMakeASmallerFileFartherFromTheFloatModel() {
        for (String method : Methods.names()) {
            List<Row> rows = result.rows().stream()
                    .filter(r -> r.method().equals(method))
                    .toList();
            for (int i = 1; i < rows.size(); i++) {
                assertThat(rows.get(i).bytes()).isLessThan(rows.get(i - 1).bytes());
                assertThat(rows.get(i).bitsPerWeight())
                        .isLessThan(rows.get(i - 1).bitsPerWeight());
                assertThat(rows.get(i).kl()).isGreaterThan(rows.get(i - 1).kl());
            }
        }
    }

    @Test
    void gptqIsNotWorseThanRoundToNearest() {
        for (int bits : List.of(4, 3, 2)) {
            assertThat(row("gptq", bits).kl())
                    .isLessThanOrEqualTo(row("rtn", bits).kl());
        }
        assertThat(row("gptq", 3).perplexity())
                .isLessThanOrEqualTo(row("rtn", 3).perplexity());
    }

    @Test
    void whatWasMeasuredCanBeOpened() {
        for (Row row : result.rows()) {
            try (Checkpoint checkpoint = Checkpoint.open(row.directory())) {
                assertThat(checkpoint.quantizationConfig().isPresent())
                        .isEqualTo(!row.method().equals("float"));
            }
        }
    }

    @Test
    void theFloatModelTheBestAndTheWorstContinueTheSameBeginning() {
        List<String> byDivergence = result.rows().stream()
                .sorted(Comparator.comparingDouble(Row::kl))
                .map(Row::label)
                .toList();
        assertThat(result.continuations())
                .extracting(Demo.Continuation::label)
                .containsExactly("float", byDivergence.get(1), byDivergence.getLast());
        assertThat(result.continuations()).allSatisfy(c -> assertThat(c.text()).hasSizeGreaterThan(40));
    }

    @Test
    void tableJsonAndPageNameEveryRow() {
        String text = DemoTable.text(result);
        JsonNode json = DemoTable.json(result);
        String page = DemoPage.html(result);
        assertThat(json.path("rows")).hasSameSizeAs(result.rows());
        for (Row row : result.rows()) {
            assertThat(text).contains(row.method());
            assertThat(page).contains("<td>" + row.method() + "</td><td>" + row.bits() + "</td>");
        }
        assertThat(page).contains("<svg").doesNotContain("<script").doesNotContain("http");
    }

    private static Row row(String method, int bits) {
        return result.rows().stream()
                .filter(r -> r.method().equals(method) && r.bits() == bits)
                .findFirst()
                .orElseThrow();
    }
}
