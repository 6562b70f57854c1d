package dev.quern.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Processes that begin at the same time on a machine that has not unpacked the native libraries yet.
class TorchLoadTest {
    @Test
    void twoProcessesUnpackOneAfterTheOther(@TempDir Path folder) throws Exception {
        List<Process> processes = IntStream.range(0, 2)
                .mapToObj(i -> start(folder, folder.resolve(i + ".log")))
                .toList();
        for (int i = 0; i < processes.size(); i++) {
            int code = processes.get(i).waitFor();
            assertThat(code).as(Files.readString(folder.resolve(i + ".log"))).isZero();
        }
    }

    private static Process start(Path folder, Path log) {
        try {
            return new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Dorg.bytedeco.javacpp.cachedir=" + folder.resolve("cache"),
                            "-XX:ErrorFile=" + folder.resolve("crash-%p.log"),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Main.class.getName())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// What each process does.
    static final class Main {
        public static void main(String[] args) {
            Torch.load();
        }
    }
}
