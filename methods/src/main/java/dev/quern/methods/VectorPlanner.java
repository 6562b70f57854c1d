package dev.quern.methods;

import dev.quern.core.UsageException;
import dev.quern.models.Linear;
import dev.quern.models.Role;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Picks a shape for each Linear, or for each kind of Linear, so that the model's average stays within a budget,
/// codebooks, norms and padding counted, and the expected loss is least.
///
/// The loss of a shape is that of random vectors at high resolution, `c_v · 2^(−2·bits)` (Zador's
/// bound: longer vectors fill space better; c_v as measured), times what two stages lose against one
/// book of all sums, times what an error in this Linear costs the model (`factors`). The budget is a sum over the
/// Linears, so the choices follow from one multiplier,
/// found by halving; what is left over goes to the best single upgrades.
final class VectorPlanner {
    /// Books heavier than this share of the indices buy less than the same bits in indices.
    private static final double MOST_BOOKS = 0.1;

    /// Indices of more bits than this take too long to search.
    private static final int MOST_INDEX_BITS = 12;

    /// Two stages against one book of as many sums: measured, as the next (`tools/vptq-ablation.sh`).
    private static final double STAGES = 1.33;

    /// How far a factor of costs may be from the middle.
    private static final double MOST = 8;

    private final List<Kind> kinds;
    private final double target;

    /// A Linear, or all with the same last name.
    private record Kind(String name, long weights, List<Option> options) {}

    private record Option(VectorShape shape, long bits, double loss) {}

    /// `bits` a weight on average over `linears`; `costs` as `ErrorCosts` measures them, none = errors cost the same
    /// everywhere, and all Linears of a kind have one shape.
    VectorPlanner(List<Linear> linears, double bits, boolean norm, Map<Linear, Double> costs) {
        Map<String, List<Linear>> byName = new LinkedHashMap<>();
        for (Linear linear : linears) {
            String name = costs.isEmpty() ? tail(linear.name()) : linear.name();
            byName.computeIfAbsent(name, _ -> new ArrayList<>()).add(linear);
        }
        Map<Linear, Double> factors = factors(linears, costs);
        this.kinds = byName.entrySet().stream()
                .map(e -> kind(
                        e.getKey(),
                        e.getValue(),
                        norm,
                        factors.getOrDefault(e.getValue().getFirst(), 1.0)))
                .toList();
        this.target = bits * kinds.stream().mapToLong(Kind::weights).sum();
    }

    private static String tail(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    /// What errors in a weight of each Linear cost, 1 in the middle: the roots of the measured costs, a factor of its
    /// role, and no more than `MOST` apart from the middle.
    ///
    /// The costs themselves shift too many bits: errors are not small, and feedback keeps them away from the inputs
    /// that matter. In a trial with SmolLM2-135M at 3 bits the costs' ratios within a role gave a perplexity
    /// of 21.802, their roots 21.610; all of this together 21.398, equal costs 22.398 (docs/methods/vptq.md).
    private static Map<Linear, Double> factors(List<Linear> linears, Map<Linear, Double> costs) {
        Map<Linear, Double> factors = new LinkedHashMap<>();
        for (Linear linear : linears) {
            double cost = costs.getOrDefault(linear, Double.NaN) / linear.inFeatures() / linear.outFeatures();
            if (cost > 0 && cost < Double.POSITIVE_INFINITY) {
                factors.put(linear, factor(linear.role()) * Math.sqrt(cost));
            }
        }
        double[] sorted = factors.values().stream().mapToDouble(f -> f).sorted().toArray();
        factors.replaceAll((_, f) -> Math.clamp(f / sorted[sorted.length / 2], 1 / MOST, MOST));
        return factors;
    }

    /// What the second order says too little or too much of large errors. The ratio of what each role alone costs
    /// SmolLM2-135M at 2 bits (`tools/vptq-costs.sh`, roots) to the roots of the measured costs there.
    private static double factor(Role role) {
        return switch (role) {
            case Q -> 0.85;
            case K -> 0.91;
            case V -> 0.63;
            case O -> 0.90;
            case GATE -> 0.95;
            case UP -> 1.7;
            case DOWN -> 1.1;
            case HEAD -> 1;
        };
    }

    private static Kind kind(String name, List<Linear> linears, boolean norm, double factor) {
        long weights = linears.stream()
                .mapToLong(l -> (long) l.outFeatures() * l.inFeatures())
                .sum();
        double cost = weights * factor;
        List<Option> options = new ArrayList<>();
        for (int length : new int[] {4, 8, 3, 2}) {
            for (int main = 2; main <= MOST_INDEX_BITS; main++) {
                for (int second = 0; second <= Math.min(main, MOST_INDEX_BITS - main); second++) {
                    int residual = second == 0 ? 0 : 1 << second;
                    VectorShape shape = new VectorShape(length, 1 << main, residual, 1, 0, 0, 0, norm);
                    long indices = 0;
                    long bits = 0;
                    for (Linear linear : linears) {
                        indices += shape.indices(linear.outFeatures(), linear.inFeatures());
                        bits += 8 * shape.bytes(linear.outFeatures(), linear.inFeatures());
                    }
                    if (shape.books() * linears.size() <= MOST_BOOKS * indices) {
                        options.add(new Option(shape, bits, cost * distortion(shape)));
                    }
                }
            }
        }
        return new Kind(name, weights, options);
    }

    /// The expected squared error of a weight of unit variance.
    private static double distortion(VectorShape shape) {
        double fill = switch (shape.length()) {
            case 2 -> 2.25;
            case 3 -> 1.82;
            case 4 -> 1.62;
            default -> 1.38;
        };
        double stages = shape.residual() == 0 ? 1 : STAGES;
        return stages * fill * Math.pow(2, -2.0 * shape.indexBits() / shape.length());
    }

    /// The shapes as the key `shapes` takes them.
    String shapes() {
        Map<Kind, Option> chosen = choose(0);
        if (bits(choose(Double.MAX_VALUE)) > target) {
            throw new UsageException(String.format(
                    Locale.ROOT,
                    "no codebooks fit %.3f bits a weight on this model; the least is %.3f",
                    target / weights(),
                    bits(choose(Double.MAX_VALUE)) / weights()));
        }
        double low = 1e-12;
        double high = 1e6;
        for (int i = 0; i < 100; i++) {
            double middle = Math.sqrt(low * high);
            chosen = choose(middle);
            if (bits(chosen) > target) {
                low = middle;
            } else {
                high = middle;
            }
        }
        chosen = choose(high);
        fill(chosen);
        List<String> entries = new ArrayList<>();
        chosen.forEach((kind, option) -> {
            VectorShape shape = option.shape();
            entries.add(kind.name() + "=v" + shape.length() + "-k" + shape.size()
                    + (shape.residual() == 0 ? "" : "-" + shape.residual()));
        });
        return String.join(",", entries);
    }

    private double weights() {
        return kinds.stream().mapToLong(Kind::weights).sum();
    }

    private static double bits(Map<Kind, Option> chosen) {
        return chosen.values().stream().mapToLong(Option::bits).sum();
    }

    /// The best options where a bit costs `price`; the smallest ones where it is endless.
    private Map<Kind, Option> choose(double price) {
        Map<Kind, Option> chosen = new LinkedHashMap<>();
        for (Kind kind : kinds) {
            Option best = null;
            double least = Double.POSITIVE_INFINITY;
            for (Option option : kind.options()) {
                double cost = price == Double.MAX_VALUE ? option.bits() : option.loss() + price * option.bits();
                if (cost < least) {
                    least = cost;
                    best = option;
                }
            }
            if (best == null) {
                throw new UsageException(kind.name() + ": no codebook weighs less than a tenth of its indices;"
                        + " --exclude these layers or give vector-length and centroids");
            }
            chosen.put(kind, best);
        }
        return chosen;
    }

    /// Upgrades single kinds while the budget lasts, by loss saved a bit.
    private void fill(Map<Kind, Option> chosen) {
        while (true) {
            double left = target - bits(chosen);
            Kind upgraded = null;
            Option better = null;
            double most = 0;
            for (Kind kind : kinds) {
                Option now = chosen.get(kind);
                for (Option option : kind.options()) {
                    double more = option.bits() - (now == null ? 0 : now.bits());
                    double saved = (now == null ? 0 : now.loss()) - option.loss();
                    if (saved > 0 && more <= left && saved / Math.max(1, more) > most) {
                        most = saved / Math.max(1, more);
                        upgraded = kind;
                        better = option;
                    }
                }
            }
            if (upgraded == null || better == null) {
                return;
            }
            chosen.put(upgraded, better);
        }
    }
}
