package dev.quern.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/// Rows in columns: text to the left, numbers to the right.
final class Table {
    private final List<String> header;
    private final List<List<String>> rows = new ArrayList<>();

    Table(String... header) {
        this.header = List.of(header);
    }

    Table row(String... cells) {
        rows.add(List.of(cells));
        return this;
    }

    void print(PrintStream out) {
        int columns = header.size();
        int[] width = new int[columns];
        boolean[] numeric = new boolean[columns];
        for (int c = 0; c < columns; c++) {
            width[c] = header.get(c).length();
            numeric[c] = !rows.isEmpty();
            for (List<String> row : rows) {
                width[c] = Math.max(width[c], row.get(c).length());
                numeric[c] &= row.get(c).isEmpty() || row.get(c).matches("[-+]?[\\d.,]+( ?[%kMGTB]+)?|-");
            }
        }
        line(out, header, width, numeric);
        rows.forEach(row -> line(out, row, width, numeric));
    }

    private static void line(PrintStream out, List<String> cells, int[] width, boolean[] numeric) {
        StringBuilder line = new StringBuilder();
        for (int c = 0; c < cells.size(); c++) {
            String space = " ".repeat(width[c] - cells.get(c).length());
            line.append(c == 0 ? "" : "  ").append(numeric[c] ? space + cells.get(c) : cells.get(c) + space);
        }
        out.println(line.toString().stripTrailing());
    }
}
