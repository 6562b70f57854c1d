package dev.quern.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainDemoTest {
    @TempDir
    Path folder;

    private Path start = Path.of("");

    @BeforeEach
    void startFromTheShippedModel() {
        start = DemoModel.directory(folder.resolve("cache"));
    }

    @Test
    void aStoppedTrainingEndsAsIfItHadRunThrough() throws IOException {
        Path whole = folder.resolve("whole");
        Path stopped = folder.resolve("stopped");
        TrainDemo.run(whole, config(6), _ -> {});
        assertThatThrownBy(() -> TrainDemo.run(stopped, config(6), stopAfter("step 4/6")))
                .hasMessage("stopped");
        TrainDemo.Result result = TrainDemo.run(stopped, config(6), _ -> {});
        assertThat(Files.readAllBytes(stopped.resolve("model.safetensors")))
                .isEqualTo(Files.readAllBytes(whole.resolve("model.safetensors")));
        assertThat(result.heldOutLoss()).isBetween(0.3, 0.8);
        assertThat(stopped.resolve("training.safetensors")).doesNotExist();
    }

    @Test
    void aStoppedTrainingIsNotTakenUpWithOtherSettings() {
        Path out = folder.resolve("out");
        assertThatThrownBy(() -> TrainDemo.run(out, config(6), stopAfter("step 4/6")))
                .hasMessage("stopped");
        assertThatThrownBy(() -> TrainDemo.run(out, config(7), _ -> {}))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("other settings");
    }

    /// The state is saved every two steps.
    private TrainDemo.Config config(int steps) {
        return new TrainDemo.Config(steps, 2, 32, 1e-4, 3, 2, start);
    }

    private static Consumer<String> stopAfter(String line) {
        return said -> {
            if (said.startsWith(line)) {
                throw new IllegalStateException("stopped");
            }
        };
    }
}
