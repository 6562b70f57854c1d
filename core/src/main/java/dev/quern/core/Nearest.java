package dev.quern.core;

import java.util.Collection;
import java.util.Optional;

/// The known word nearest to a misspelt one, for messages that say what was probably meant.
public final class Nearest {
    private Nearest() {}

    /// The word of `known` with the smallest edit distance to `word`, if it is near enough to be a slip of the pen (at
    /// most a third of its letters, and at least one, differ).
    public static Optional<String> of(String word, Collection<String> known) {
        String best = null;
        int bestDistance = Integer.MAX_VALUE;
        for (String candidate : known) {
            int distance = distance(word, candidate);
            if (distance < bestDistance) {
                best = candidate;
                bestDistance = distance;
            }
        }
        return best != null && bestDistance <= Math.max(1, best.length() / 3) ? Optional.of(best) : Optional.empty();
    }

    /// `unknown method gtpq; did you mean gptq? Known: rtn, gptq`.
    public static UsageException unknown(String kind, String word, Collection<String> known) {
        String hint = of(word, known).map(n -> "; did you mean " + n + "?").orElse(";");
        return new UsageException("unknown " + kind + " " + word + hint + " Known: " + String.join(", ", known));
    }

    /// Levenshtein distance.
    private static int distance(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] current = new int[b.length() + 1];
            current[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int swap = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                current[j] = Math.min(swap, Math.min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[b.length()];
    }
}
