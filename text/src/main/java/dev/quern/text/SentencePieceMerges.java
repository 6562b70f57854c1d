package dev.quern.text;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The merges that SentencePiece's scores imply.
///
/// SentencePiece joins, of all neighbours whose union is a piece, the pair whose union has the best score. A BPE that
/// tries merges in order does the same if every way to cut every piece in two is a merge and better pieces come first.
final class SentencePieceMerges {
    private SentencePieceMerges() {}

    /// `score` and `piece` (its number) are those of the union.
    record Merge(String left, String right, float score, int piece) {}

    static List<Merge> of(GgufTokens tokens) {
        Map<String, Integer> pieces = new HashMap<>();
        for (int id = 0; id < tokens.size(); id++) {
            if (merges(tokens.type(id))) {
                pieces.putIfAbsent(tokens.token(id), id);
            }
        }
        List<Merge> merges = new ArrayList<>();
        pieces.forEach((piece, id) -> {
            for (int cut = piece.offsetByCodePoints(0, Math.min(1, piece.length())); cut < piece.length(); ) {
                String left = piece.substring(0, cut);
                String right = piece.substring(cut);
                if (pieces.containsKey(left) && pieces.containsKey(right)) {
                    merges.add(new Merge(left, right, tokens.score(id), id));
                }
                cut = piece.offsetByCodePoints(cut, 1);
            }
        });
        merges.sort(Comparator.comparing(Merge::score, Comparator.reverseOrder())
                .thenComparing(Merge::piece)
                .thenComparing(m -> -m.left().length()));
        return merges;
    }

    private static boolean merges(TokenType type) {
        return type == TokenType.NORMAL || type == TokenType.USER_DEFINED;
    }
}
