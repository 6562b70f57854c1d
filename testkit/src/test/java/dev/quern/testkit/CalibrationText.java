package dev.quern.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// A text to calibrate the tiny models with.
final class CalibrationText {
    private CalibrationText() {}

    /// Writes it into `directory`; some 1000 tokens.
    static Path in(Path directory) {
        Path text = directory.resolve("calibration.txt");
        try {
            Files.writeString(
                    text, "the rain in the town and a cat on the roof of the inn, and other words. ".repeat(60));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text;
    }
}
