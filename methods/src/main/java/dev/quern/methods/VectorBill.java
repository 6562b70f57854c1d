package dev.quern.methods;

import dev.quern.models.Linear;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// What the bits of a weight in vectors go to, by kind of Linear.
final class VectorBill {
    private VectorBill() {}

    static List<String> lines(List<Linear> linears, Vptq.Config config) {
        Map<String, long[]> sums = new LinkedHashMap<>();
        Map<String, Set<String>> shapes = new LinkedHashMap<>();
        long[] all = new long[4];
        for (Linear linear : linears) {
            int rows = linear.outFeatures();
            int cols = linear.inFeatures();
            VectorShape shape = config.shape(linear.name(), cols);
            String name = linear.name().substring(linear.name().lastIndexOf('.') + 1) + " [" + rows + ", " + cols + "]";
            shapes.computeIfAbsent(name, _ -> new TreeSet<>()).add(shape.toString());
            long[] bits = {(long) rows * cols, shape.indices(rows, cols), shape.books(), shape.columns(cols)};
            long[] sum = sums.computeIfAbsent(name, _ -> new long[4]);
            for (int i = 0; i < bits.length; i++) {
                sum[i] += bits[i];
                all[i] += bits[i];
            }
        }
        List<String> lines = new ArrayList<>();
        sums.forEach((name, sum) -> lines.add(line(name + " " + listed(shapes.getOrDefault(name, Set.of())), sum)));
        lines.add(line("all", all));
        return lines;
    }

    private static String listed(Set<String> shapes) {
        return shapes.size() == 1 ? shapes.iterator().next() : shapes.size() + " shapes";
    }

    private static String line(String name, long[] sums) {
        double weights = sums[0];
        return String.format(
                Locale.ROOT,
                "bill       %-38s %.3f bits: indices %.3f, codebooks %.3f, columns %.3f",
                name,
                (sums[1] + sums[2] + sums[3]) / weights,
                sums[1] / weights,
                sums[2] / weights,
                sums[3] / weights);
    }
}
