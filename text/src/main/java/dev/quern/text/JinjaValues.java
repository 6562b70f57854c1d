package dev.quern.text;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The values of a template and how Python treats them: String, Long, Double, Boolean, List, Map, `NONE`, an undefined
/// one, a namespace, a function. There is nothing else, and no way from here to a Java object's methods.
final class JinjaValues {
    static final Object NONE = new Object() {
        @Override
        public String toString() {
            return "None";
        }
    };

    private JinjaValues() {}

    /// What a name or key that is not there gives: empty when printed, an error when looked into.
    record Undefined(String reason) {}

    /// The one thing a template may change.
    record Namespace(Map<String, Object> values) {}

    @FunctionalInterface
    interface Function {
        Object call(List<Object> arguments, Map<String, Object> named);
    }

    /// Java's own values in the form used here; copies, so that a template cannot change its input.
    static Object of(@org.jspecify.annotations.Nullable Object value) {
        return switch (value) {
            case null -> NONE;
            case String s -> s;
            case Boolean b -> b;
            case Float f -> f.doubleValue();
            case Double d -> d;
            case Number n -> n.longValue();
            case List<?> list -> {
                List<Object> copy = new ArrayList<>();
                list.forEach(v -> copy.add(of(v)));
                yield copy;
            }
            case Map<?, ?> map -> {
                Map<Object, Object> copy = new java.util.LinkedHashMap<>();
                map.forEach((k, v) -> copy.put(of(k), of(v)));
                yield copy;
            }
            default -> value == NONE ? NONE : value.toString();
        };
    }

    static boolean truth(Object value) {
        return switch (value) {
            case Boolean b -> b;
            case String s -> !s.isEmpty();
            case Long l -> l != 0;
            case Double d -> d != 0;
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Undefined _ -> false;
            default -> value != NONE;
        };
    }

    static boolean same(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return compareNumbers(a, b) == 0;
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            if (x.size() != y.size()) {
                return false;
            }
            for (int i = 0; i < x.size(); i++) {
                if (!same(x.get(i), y.get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            return x.size() == y.size()
                    && x.entrySet().stream()
                            .allMatch(e -> y.containsKey(e.getKey())
                                    && same(e.getValue(), Objects.requireNonNull(y.get(e.getKey()))));
        }
        return (a instanceof Undefined && b instanceof Undefined) || a.equals(b);
    }

    static int compare(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return compareNumbers(a, b);
        }
        if (a instanceof String x && b instanceof String y) {
            return x.compareTo(y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
                if (!same(x.get(i), y.get(i))) {
                    return compare(x.get(i), y.get(i));
                }
            }
            return Integer.compare(x.size(), y.size());
        }
        throw new JinjaException("'<' not supported between " + type(a) + " and " + type(b));
    }

    private static int compareNumbers(Object a, Object b) {
        if (a instanceof Double || b instanceof Double) {
            return Double.compare(number(a), number(b));
        }
        return Long.compare(whole(a), whole(b));
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double number(Object value) {
        return value instanceof Double d ? d : whole(value);
    }

    static long whole(Object value) {
        return switch (value) {
            case Long l -> l;
            case Boolean b -> b ? 1 : 0;
            default -> throw new JinjaException("expected an integer but found " + type(value));
        };
    }

    static String text(Object value) {
        return switch (value) {
            case String s -> s;
            case Undefined _ -> "";
            default -> repr(value);
        };
    }

    static String repr(Object value) {
        StringBuilder out = new StringBuilder();
        repr(value, out);
        return out.toString();
    }

    private static void repr(Object value, StringBuilder out) {
        switch (value) {
            case String s -> quote(s, out);
            case Boolean b -> out.append(b ? "True" : "False");
            case Double d -> out.append(decimal(d));
            case List<?> list -> {
                String separator = "[";
                for (Object item : list) {
                    out.append(separator);
                    repr(item, out);
                    separator = ", ";
                }
                out.append(list.isEmpty() ? "[]" : "]");
            }
            case Map<?, ?> map -> {
                String separator = "{";
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    out.append(separator);
                    repr(entry.getKey(), out);
                    out.append(": ");
                    repr(entry.getValue(), out);
                    separator = ", ";
                }
                out.append(map.isEmpty() ? "{}" : "}");
            }
            case Undefined _ -> out.append("Undefined");
            case Namespace _ -> out.append("<Namespace>");
            case Function _ -> out.append("<function>");
            default -> out.append(value);
        }
    }

    private static void quote(String text, StringBuilder out) {
        char mark = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(mark);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == mark) {
                        out.append('\\').append(c);
                    } else if (c < ' ' || c == 0x7f) {
                        out.append(String.format("\\x%02x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append(mark);
    }

    /// Python's shortest form: `3.5`, `1e+16`, `1e-05`.
    static String decimal(double d) {
        if (Double.isNaN(d)) {
            return "nan";
        }
        if (Double.isInfinite(d)) {
            return d > 0 ? "inf" : "-inf";
        }
        BigDecimal exact = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        int exponent = exact.precision() - exact.scale() - 1;
        if (d == 0 || (exponent >= -4 && exponent < 16)) {
            String plain = d == 0 ? (1 / d < 0 ? "-0" : "0") : exact.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String digits = exact.unscaledValue().abs().toString();
        String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return (d < 0 ? "-" : "")
                + mantissa
                + (exponent < 0 ? "e-" : "e+")
                + (Math.abs(exponent) < 10 ? "0" : "")
                + Math.abs(exponent);
    }

    /// Items of a list, keys of a map, characters of a string; nothing where undefined.
    static List<Object> iterate(Object value) {
        return switch (value) {
            case List<?> list -> new ArrayList<>(list);
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String s ->
                new ArrayList<>(s.codePoints().mapToObj(Character::toString).toList());
            case Undefined _ -> new ArrayList<>();
            default -> throw new JinjaException(type(value) + " cannot be iterated over");
        };
    }

    static String type(Object value) {
        return switch (value) {
            case String _ -> "str";
            case Long _ -> "int";
            case Double _ -> "float";
            case Boolean _ -> "bool";
            case List<?> _ -> "list";
            case Map<?, ?> _ -> "dict";
            case Undefined u -> "undefined (" + u.reason() + ")";
            case Namespace _ -> "namespace";
            case Function _ -> "function";
            default -> "None";
        };
    }
}
