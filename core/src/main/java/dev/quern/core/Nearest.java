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

    /// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours count one each.
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            d[i][0] = i;
        }
        for (int j = 0; j <= b.length(); j++) {
            d[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            for (int j = 1; j <= b.length(); j++) {
                int substitute = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(substitute, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
