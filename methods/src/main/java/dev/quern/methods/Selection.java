package dev.quern.methods;

import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import dev.quern.models.Network;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/// Which Linears are quantized: those of the blocks, minus what is excluded.
record Selection(List<Linear> chosen, List<Linear> excluded) {
    /// True where `linear` is quantized.
    boolean contains(Linear linear) {
        return chosen.contains(linear);
    }

    /// Throws `UsageException` for a pattern that matches nothing, or where nothing is left.
    static Selection of(Network network, List<String> exclude) {
        List<Linear> all = network.linears();
        Set<Linear> out = new HashSet<>();
        for (String pattern : exclude) {
            Pattern regex = Pattern.compile(expression(pattern));
            List<Linear> hits =
                    all.stream().filter(l -> regex.matcher(l.name()).matches()).toList();
            if (hits.isEmpty()) {
                throw new UsageException("--exclude " + pattern + " matches no Linear; they are called like "
                        + all.getFirst().name());
            }
            out.addAll(hits);
        }
        Selection selection = new Selection(
                all.stream().filter(l -> !out.contains(l)).toList(),
                all.stream().filter(out::contains).toList());
        if (selection.chosen.isEmpty()) {
            throw new UsageException("--exclude leaves nothing to quantize");
        }
        return selection;
    }

    /// A glob as a regular expression; a pattern without wildcards may lie anywhere in the name.
    private static String expression(String glob) {
        if (!glob.contains("*") && !glob.contains("?")) {
            return ".*" + Pattern.quote(glob) + ".*";
        }
        StringBuilder regex = new StringBuilder();
        for (char c : glob.toCharArray()) {
            regex.append(
                    switch (c) {
                        case '*' -> ".*";
                        case '?' -> ".";
                        default -> Pattern.quote(String.valueOf(c));
                    });
        }
        return regex.toString();
    }
}
