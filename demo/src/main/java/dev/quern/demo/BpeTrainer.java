package dev.quern.demo;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Byte-level byte-pair encoding (arXiv:1508.07909 over bytes, as GPT-2 has it): learns merges from a text.
///
/// The pair that occurs most often is merged next; ties go to the pair that sorts first, so the result depends on the
/// text alone. Recounts all pairs for each merge, which is quick enough for a vocabulary of a few thousand.
final class BpeTrainer {
    /// How GPT-2 splits text into words before merging inside each.
    static final Pattern WORDS =
            Pattern.compile("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

    /// The vocabulary, ids in order (specials first), and the merges, first ones first.
    record Vocabulary(List<String> tokens, List<String> merges) {}

    private record Pair(String left, String right) {}

    private BpeTrainer() {}

    /// Learns until there are `size` tokens, `specials` and the 256 bytes among them.
    static Vocabulary train(String text, int size, List<String> specials) {
        List<String> tokens = new ArrayList<>(specials);
        for (int b = 0; b < 256; b++) {
            tokens.add(Character.toString(character(b)));
        }
        Map<List<String>, Long> words = words(text);
        List<String> merges = new ArrayList<>();
        while (tokens.size() < size) {
            Pair best = best(words);
            merges.add(best.left + " " + best.right);
            tokens.add(best.left + best.right);
            Map<List<String>, Long> merged = new LinkedHashMap<>();
            words.forEach((word, count) -> merged.merge(merge(word, best), count, Long::sum));
            words = merged;
        }
        return new Vocabulary(tokens, merges);
    }

    private static Map<List<String>, Long> words(String text) {
        Map<List<String>, Long> words = new LinkedHashMap<>();
        Matcher matcher = WORDS.matcher(text);
        while (matcher.find()) {
            List<String> word = new ArrayList<>();
            for (byte b : matcher.group().getBytes(StandardCharsets.UTF_8)) {
                word.add(Character.toString(character(Byte.toUnsignedInt(b))));
            }
            words.merge(word, 1L, Long::sum);
        }
        return words;
    }

    private static Pair best(Map<List<String>, Long> words) {
        Map<Pair, Long> counts = new HashMap<>();
        words.forEach((word, count) -> {
            for (int i = 0; i + 1 < word.size(); i++) {
                counts.merge(new Pair(word.get(i), word.get(i + 1)), count, Long::sum);
            }
        });
        return counts.entrySet().stream()
                .min(Map.Entry.<Pair, Long>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(e -> e.getKey().left)
                        .thenComparing(e -> e.getKey().right))
                .orElseThrow(() -> new IllegalArgumentException("the text holds too few words for this vocabulary"))
                .getKey();
    }

    private static List<String> merge(List<String> word, Pair pair) {
        List<String> merged = new ArrayList<>(word.size());
        for (int i = 0; i < word.size(); i++) {
            if (i + 1 < word.size()
                    && word.get(i).equals(pair.left)
                    && word.get(i + 1).equals(pair.right)) {
                merged.add(pair.left + pair.right);
                i++;
            } else {
                merged.add(word.get(i));
            }
        }
        return merged;
    }

    /// The printable character that stands for a byte in GPT-2's vocabularies: itself, or one past 255 in order.
    static char character(int b) {
        int shifted = 256;
        for (int i = 0; i < 256; i++) {
            boolean printable = (i >= '!' && i <= '~') || (i >= 0xA1 && i <= 0xAC) || (i >= 0xAE);
            if (i == b) {
                return (char) (printable ? i : shifted);
            }
            if (!printable) {
                shifted++;
            }
        }
        throw new IllegalArgumentException("not a byte: " + b);
    }
}
