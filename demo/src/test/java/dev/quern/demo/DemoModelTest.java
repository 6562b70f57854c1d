package dev.quern.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.core.Progress;
import dev.quern.eval.LogitModel;
import dev.quern.eval.Perplexity;
import dev.quern.eval.Windows;
import dev.quern.kernels.Workers;
import dev.quern.models.Checkpoint;
import dev.quern.runtime.Model;
import dev.quern.text.ChatTemplate;
import dev.quern.text.Message;
import dev.quern.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoModelTest {
    @TempDir
    Path cache;

    @Test
    void itIsUnpackedOnceAndMendedWhenDamaged() throws IOException {
        Path model = DemoModel.directory(cache);
        Path weights = model.resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(weights);
        var written = Files.getLastModifiedTime(weights);
        assertThat(DemoModel.directory(cache)).isEqualTo(model);
        assertThat(Files.getLastModifiedTime(weights)).isEqualTo(written);
        Files.write(weights, new byte[100]);
        assertThat(DemoModel.directory(cache)).isEqualTo(model);
        assertThat(Files.readAllBytes(weights)).isEqualTo(whole);
    }

    @Test
    void allItsFilesTogetherStayBelowSixMegabytes() throws IOException {
        Path model = DemoModel.directory(cache);
        long bytes = 0;
        for (String name : DemoModel.FILES) {
            bytes += Files.size(model.resolve(name));
        }
        assertThat(bytes).isLessThan(6_000_000);
    }

    @Test
    void itPredictsTextItHasNeverSeen() {
        Path model = DemoModel.directory(cache);
        try (Checkpoint checkpoint = Checkpoint.open(model);
                Workers workers = Workers.of(1);
                Tokenizer tokenizer = Tokenizer.ofDirectory(model)) {
            Model runnable = new Model(checkpoint.network(), checkpoint.weights(), workers);
            int[] tokens = new TokenStream(tokenizer, DemoText.heldOut(5)).next(8 * 256);
            double perplexity = Perplexity.of(LogitModel.of(runnable), tokens, Windows.paper(256), 0, Progress.NONE)
                    .value();
            // A uniform guess has 1024, the choices of the grammar alone leave about 1.7.
            assertThat(perplexity).isBetween(1.4, 1.9);
        }
    }

    @Test
    void itsTemplateMakesTheTurnsThatItHasLearnt() {
        ChatTemplate template =
                ChatTemplate.ofDirectory(DemoModel.directory(cache)).orElseThrow();
        assertThat(template.render(List.of(new Message("user", "What do bees make?")), true))
                .isEqualTo("<|im_start|>user\nWhat do bees make?<|im_end|>\n<|im_start|>assistant\n");
    }
}
