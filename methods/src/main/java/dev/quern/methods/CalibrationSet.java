package dev.quern.methods;

import dev.quern.core.QuernException;
import dev.quern.methods.PipelineOptions.CalibrationSource;
import dev.quern.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/// Stretches of text as tokens, on which inputs of Linears are observed.
///
/// The text is cut into stretches of equal length without overlap, and the seed picks among them; they stay in the
/// text's order. `sha256` is that of the file. Arrays are shared and not to be changed.
public record CalibrationSet(List<int[]> sequences, String sha256) {
    /// Text beyond this is not tokenized: far more than any calibration asks for.
    private static final int MAX_BYTES = 64 << 20;

    /// Tokenizes the file; throws a `QuernException` naming how many tokens were found and needed where it is too
    /// short.
    public static CalibrationSet read(CalibrationSource source, Tokenizer tokenizer, long seed) {
        Path file = source.file();
        String text = text(file);
        int[] tokens = tokenizer.encode(text, false);
        return new CalibrationSet(
                cut(tokens, source.samples(), source.seqLen(), seed, file.toString()), Sha256.ofFile(file));
    }

    /// `samples` stretches of `seqLen` of `tokens`; `origin` is named in the error.
    static List<int[]> cut(int[] tokens, int samples, int seqLen, long seed, String origin) {
        long needed = (long) samples * seqLen;
        if (tokens.length < needed) {
            throw new QuernException(origin + ": " + tokens.length + " tokens found, " + needed + " needed (" + samples
                    + " samples of " + seqLen + "); use more text, fewer samples or a shorter seq-len");
        }
        List<Integer> places = new ArrayList<>();
        for (int i = 0; i < tokens.length / seqLen; i++) {
            places.add(i);
        }
        Collections.shuffle(places, new Random(seed));
        return places.subList(0, samples).stream()
                .sorted()
                .map(i -> Arrays.copyOfRange(tokens, i * seqLen, (i + 1) * seqLen))
                .toList();
    }

    private static String text(Path file) {
        if (Files.isDirectory(file)) {
            throw new QuernException(file + ": is a directory, expected a text file for calibration");
        }
        try (var in = Files.newInputStream(file)) {
            return new String(in.readNBytes(MAX_BYTES), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new QuernException(file + ": calibration text cannot be read; check the path", e);
        }
    }

    /// Number of tokens in all.
    public long tokens() {
        return sequences.stream().mapToLong(s -> s.length).sum();
    }
}
