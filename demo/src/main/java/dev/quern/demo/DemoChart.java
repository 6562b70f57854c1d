package dev.quern.demo;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Size against damage as an SVG picture: bits per weight to the right, divergence upwards in powers of ten, one line
/// for each method.
///
/// Drawn by hand: reports get a chart library, but three points a line need none.
final class DemoChart {
    private static final int WIDTH = 720;
    private static final int HEIGHT = 340;
    private static final int LEFT = 70;
    private static final int RIGHT = 150;
    private static final int TOP = 30;
    private static final int BOTTOM = 50;

    /// Told apart in dark and light, and by most who see colors differently.
    private static final List<String> COLORS = List.of(
            "#4477aa", "#ee6677", "#228833", "#b8860b", "#66a0cc", "#aa3377", "#7b7bc4", "#d1740b", "#2a9d8f",
            "#8a8a8a");

    private final Map<String, List<Demo.Row>> lines = new LinkedHashMap<>();
    private final double lastX;
    private final int lowest;
    private final int highest;

    private DemoChart(Demo.Result result) {
        double most = 0;
        double low = Double.MAX_VALUE;
        double high = Double.MIN_VALUE;
        for (Demo.Row row : result.rows()) {
            if (!row.method().equals(Demo.FLOAT) && row.kl() > 0) {
                lines.computeIfAbsent(row.method(), _ -> new ArrayList<>()).add(row);
                most = Math.max(most, row.bitsPerWeight());
                low = Math.min(low, row.kl());
                high = Math.max(high, row.kl());
            }
        }
        lastX = Math.ceil(most);
        lowest = (int) Math.floor(Math.log10(low));
        highest = Math.max(lowest + 1, (int) Math.ceil(Math.log10(high)));
    }

    /// Empty where no file differs from the float model.
    static String svg(Demo.Result result) {
        DemoChart chart = new DemoChart(result);
        return chart.lines.isEmpty() ? "" : chart.draw();
    }

    private String draw() {
        StringBuilder svg = new StringBuilder(String.format(
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Divergence from the float model against bits per"
                        + " weight\">%n",
                WIDTH, HEIGHT));
        for (int power = lowest; power <= highest; power++) {
            double y = y(Math.pow(10, power));
            svg.append(line(LEFT, y, WIDTH - RIGHT, y));
            svg.append(text(
                    LEFT - 8, y + 4, "end", String.format(Locale.ROOT, "%." + Math.max(0, -power) + "f", pow(power))));
        }
        for (int bits = 1; bits <= lastX; bits++) {
            svg.append(text(x(bits), HEIGHT - BOTTOM + 20, "middle", Integer.toString(bits)));
        }
        svg.append(text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", "bits per weight"));
        svg.append(text(LEFT - 50, TOP - 12, "start", "KL from the float model, nats a token (lower is better)"));
        int index = 0;
        for (Map.Entry<String, List<Demo.Row>> entry : lines.entrySet()) {
            String color = COLORS.get(index % COLORS.size());
            svg.append(curve(entry.getValue(), color));
            double y = TOP + 12 + 22.0 * index;
            svg.append(circle(WIDTH - RIGHT + 20, y - 4, color, entry.getKey()));
            svg.append(text(WIDTH - RIGHT + 32, y, "start", DemoPage.escape(entry.getKey())));
            index++;
        }
        return svg.append("</svg>\n").toString();
    }

    private String curve(List<Demo.Row> rows, String color) {
        StringBuilder points = new StringBuilder();
        StringBuilder circles = new StringBuilder();
        for (Demo.Row row : rows) {
            points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(row.bitsPerWeight()), y(row.kl())));
            String title =
                    String.format(Locale.ROOT, "%s: %.2f bits, KL %.5f", row.label(), row.bitsPerWeight(), row.kl());
            circles.append(circle(x(row.bitsPerWeight()), y(row.kl()), color, title));
        }
        return String.format(
                        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>%n",
                        points.toString().strip(), color)
                + circles;
    }

    private double x(double bits) {
        return LEFT + (bits - 1) / (lastX - 1) * (WIDTH - LEFT - RIGHT);
    }

    private double y(double kl) {
        double share = (Math.log10(kl) - lowest) / (highest - lowest);
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
    }

    private static double pow(int power) {
        return Math.pow(10, power);
    }

    private static String line(double x1, double y1, double x2, double y2) {
        return String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"var(--line)\"/>%n",
                x1,
                y1,
                x2,
                y2);
    }

    private static String circle(double x, double y, String color, String title) {
        return String.format(
                Locale.ROOT,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\"><title>%s</title></circle>%n",
                x,
                y,
                color,
                DemoPage.escape(title));
    }

    private static String text(double x, double y, String anchor, String text) {
        return String.format(
                Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n", x, y, anchor, text);
    }
}
