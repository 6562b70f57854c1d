package dev.quern.text;

import static dev.quern.text.JinjaValues.iterate;
import static dev.quern.text.JinjaValues.text;
import static dev.quern.text.JinjaValues.truth;

import dev.quern.text.JinjaValues.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The filters and tests that chat templates use, as Jinja defines them.
final class JinjaFilters {
    private JinjaFilters() {}

    static Object filter(String name, Object value, List<Object> a, Map<String, Object> named) {
        return switch (name) {
            case "trim" -> JinjaMethods.strip(text(value), a, true, true);
            case "upper" -> text(value).toUpperCase(Locale.ROOT);
            case "lower" -> text(value).toLowerCase(Locale.ROOT);
            case "title" -> JinjaMethods.title(text(value));
            case "capitalize" -> JinjaMethods.capitalize(text(value));
            case "replace" -> JinjaMethods.replace(text(value), a);
            case "string" -> text(value);
            case "safe" -> value;
            case "escape", "e" ->
                text(value)
                        .replace("&", "&amp;")
                        .replace("<", "&lt;")
                        .replace(">", "&gt;")
                        .replace("\"", "&#34;")
                        .replace("'", "&#39;");
            case "indent" -> indent(text(value), a, named);
            case "tojson" -> JinjaJson.write(value, named);
            case "length", "count" -> length(value);
            case "first" -> at(value, true);
            case "last" -> at(value, false);
            case "list" -> iterate(value);
            case "items" -> value instanceof Map<?, ?> map ? JinjaMethods.items(map) : List.of();
            case "reverse" -> reverse(value);
            case "join" ->
                JinjaMethods.join(
                        a.isEmpty() ? text(named.getOrDefault("d", "")) : text(a.getFirst()),
                        attribute(iterate(value), a.size() > 1 ? a.get(1) : named.get("attribute")));
            case "default", "d" -> {
                boolean falsy = truth(a.size() > 1 ? a.get(1) : named.getOrDefault("boolean", false));
                Object otherwise = a.isEmpty() ? named.getOrDefault("default_value", "") : a.getFirst();
                yield value instanceof Undefined || (falsy && !truth(value)) ? otherwise : value;
            }
            case "map" -> map(iterate(value), a, named);
            case "select" -> keep(iterate(value), a, true, false);
            case "reject" -> keep(iterate(value), a, false, false);
            case "selectattr" -> keep(iterate(value), a, true, true);
            case "rejectattr" -> keep(iterate(value), a, false, true);
            case "attr" -> look(value, a.getFirst());
            case "dictsort" ->
                sorted(JinjaMethods.items(value instanceof Map<?, ?> m ? m : Map.of()), 0L, false, named);
            case "sort" -> sorted(iterate(value), named.get("attribute"), !a.isEmpty() && truth(a.getFirst()), named);
            case "unique" -> unique(iterate(value));
            case "sum" -> sum(attribute(iterate(value), a.isEmpty() ? named.get("attribute") : a.getFirst()));
            case "min", "max" ->
                iterate(value).stream()
                        .reduce((x, y) -> (JinjaValues.compare(x, y) <= 0) == name.equals("min") ? x : y)
                        .orElse(new Undefined("no " + name + " of nothing"));
            case "int" -> integer(value, a);
            case "float" -> real(value);
            case "abs" ->
                value instanceof Double d ? (Object) Math.abs(d) : (Object) Math.abs(JinjaValues.whole(value));
            case "round" -> round(JinjaValues.number(value), a);
            case "wordcount" -> (long) text(value).strip().split("\\s+").length;
            default -> throw new JinjaException("the filter '" + name + "' is not known");
        };
    }

    static boolean test(String name, Object value, List<Object> a) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == JinjaValues.NONE;
            case "string" -> value instanceof String;
            case "number" -> JinjaValues.isNumber(value);
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "mapping" -> value instanceof Map;
            case "iterable" ->
                value instanceof List || value instanceof Map || value instanceof String || value instanceof Undefined;
            case "sequence" ->
                value instanceof List || value instanceof Map || value instanceof String || value instanceof Undefined;
            case "callable" -> value instanceof JinjaValues.Function;
            case "even" -> JinjaValues.whole(value) % 2 == 0;
            case "odd" -> JinjaValues.whole(value) % 2 != 0;
            case "divisibleby" -> JinjaValues.whole(value) % JinjaValues.whole(a.getFirst()) == 0;
            case "eq", "equalto", "==", "sameas" -> JinjaValues.same(value, a.getFirst());
            case "ne", "!=" -> !JinjaValues.same(value, a.getFirst());
            case "lt", "lessthan", "<" -> JinjaValues.compare(value, a.getFirst()) < 0;
            case "le", "<=" -> JinjaValues.compare(value, a.getFirst()) <= 0;
            case "gt", "greaterthan", ">" -> JinjaValues.compare(value, a.getFirst()) > 0;
            case "ge", ">=" -> JinjaValues.compare(value, a.getFirst()) >= 0;
            case "in" -> contains(a.getFirst(), value);
            case "lower" -> text(value).equals(text(value).toLowerCase(Locale.ROOT));
            case "upper" -> text(value).equals(text(value).toUpperCase(Locale.ROOT));
            default -> throw new JinjaException("the test '" + name + "' is not known");
        };
    }

    static boolean contains(Object in, Object value) {
        return switch (in) {
            case String s -> {
                if (!(value instanceof String part)) {
                    throw new JinjaException("'in <string>' requires a string, not " + JinjaValues.type(value));
                }
                yield s.contains(part);
            }
            case List<?> list -> list.stream().anyMatch(one -> JinjaValues.same(one, value));
            case Map<?, ?> map -> map.containsKey(value);
            case Undefined _ -> false;
            default -> throw new JinjaException(JinjaValues.type(in) + " cannot be searched");
        };
    }

    /// A field of a map by name or dotted path, or an item of a list by number.
    static Object look(Object value, Object key) {
        Object at = value;
        if (key instanceof String path) {
            for (String name : path.split("\\.")) {
                Object found = at instanceof Map<?, ?> map ? map.get(name) : null;
                at = found == null ? new Undefined("no attribute '" + name + "'") : found;
            }
            return at;
        }
        return value instanceof List<?> list && key instanceof Long i && i >= 0 && i < list.size()
                ? list.get(i.intValue())
                : new Undefined("no item " + text(key));
    }

    private static List<Object> attribute(List<Object> items, @org.jspecify.annotations.Nullable Object key) {
        return key == null
                ? items
                : new ArrayList<>(items.stream().map(i -> look(i, key)).toList());
    }

    private static Object map(List<Object> items, List<Object> a, Map<String, Object> named) {
        Object key = named.get("attribute");
        if (key != null) {
            Object otherwise = named.get("default");
            return attribute(items, key).stream()
                    .map(v -> v instanceof Undefined && otherwise != null ? otherwise : v)
                    .toList();
        }
        List<Object> rest = a.subList(1, a.size());
        return items.stream()
                .map(i -> filter(text(a.getFirst()), i, rest, named))
                .toList();
    }

    private static List<Object> keep(List<Object> items, List<Object> a, boolean wanted, boolean byAttribute) {
        List<Object> kept = new ArrayList<>();
        int test = byAttribute ? 1 : 0;
        for (Object item : items) {
            Object value = byAttribute ? look(item, a.getFirst()) : item;
            boolean passes =
                    a.size() > test ? test(text(a.get(test)), value, a.subList(test + 1, a.size())) : truth(value);
            if (passes == wanted) {
                kept.add(item);
            }
        }
        return kept;
    }

    private static List<Object> sorted(
            List<Object> items,
            @org.jspecify.annotations.Nullable Object key,
            boolean reverse,
            Map<String, Object> named) {
        boolean exact = truth(named.getOrDefault("case_sensitive", false));
        boolean down = reverse || truth(named.getOrDefault("reverse", false));
        Object by = named.containsKey("by") && "value".equals(named.get("by")) ? Long.valueOf(1) : key;
        List<Object> sorted = new ArrayList<>(items);
        sorted.sort((x, y) -> {
            Object left = by == null ? x : look(x, by);
            Object right = by == null ? y : look(y, by);
            int order = JinjaValues.compare(exact ? left : folded(left), exact ? right : folded(right));
            return down ? -order : order;
        });
        return sorted;
    }

    private static Object folded(Object value) {
        return value instanceof String s ? s.toLowerCase(Locale.ROOT) : value;
    }

    private static List<Object> unique(List<Object> items) {
        List<Object> seen = new ArrayList<>();
        for (Object item : items) {
            if (seen.stream().noneMatch(s -> JinjaValues.same(folded(s), folded(item)))) {
                seen.add(item);
            }
        }
        return seen;
    }

    static long length(Object value) {
        return switch (value) {
            case String s -> s.codePointCount(0, s.length());
            case List<?> list -> list.size();
            case Map<?, ?> map -> map.size();
            case Undefined _ -> 0;
            default -> throw new JinjaException(JinjaValues.type(value) + " has no length");
        };
    }

    private static Object at(Object value, boolean first) {
        List<Object> items = iterate(value);
        return items.isEmpty()
                ? new Undefined("No " + (first ? "first" : "last") + " item, sequence was empty.")
                : first ? items.getFirst() : items.getLast();
    }

    private static Object reverse(Object value) {
        return value instanceof String s
                ? new StringBuilder(s).reverse().toString()
                : iterate(value).reversed();
    }

    private static Object sum(List<Object> items) {
        Object sum = 0L;
        for (Object item : items) {
            sum = item instanceof Double || sum instanceof Double
                    ? (Object) (JinjaValues.number(sum) + JinjaValues.number(item))
                    : (Object) (JinjaValues.whole(sum) + JinjaValues.whole(item));
        }
        return sum;
    }

    private static Object integer(Object value, List<Object> a) {
        try {
            return value instanceof String s
                    ? (Object) (long) Double.parseDouble(s.strip())
                    : (Object) (long) JinjaValues.number(value);
        } catch (NumberFormatException | JinjaException e) {
            return a.isEmpty() ? 0L : a.getFirst();
        }
    }

    private static Object real(Object value) {
        try {
            return value instanceof String s ? Double.parseDouble(s.strip()) : JinjaValues.number(value);
        } catch (NumberFormatException | JinjaException e) {
            return 0.0;
        }
    }

    private static Object round(double value, List<Object> a) {
        int digits = a.isEmpty() ? 0 : (int) Math.clamp(JinjaValues.whole(a.getFirst()), -15L, 15L);
        return new java.math.BigDecimal(value)
                .setScale(digits, java.math.RoundingMode.HALF_EVEN)
                .doubleValue();
    }

    private static String indent(String value, List<Object> a, Map<String, Object> named) {
        Object width = a.isEmpty() ? named.getOrDefault("width", 4L) : a.getFirst();
        String space = width instanceof String s ? s : " ".repeat((int) Math.clamp(JinjaValues.whole(width), 0L, 64L));
        boolean first = truth(a.size() > 1 ? a.get(1) : named.getOrDefault("first", false));
        String[] lines = value.split("\n", -1);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.length; i++) {
            boolean spaced = i == 0 ? first : !lines[i].isEmpty();
            out.append(i == 0 ? "" : "\n").append(spaced ? space : "").append(lines[i]);
            JinjaLimits.checkLength(out.length());
        }
        return out.toString();
    }
}
