package dev.quern.text;

import dev.quern.text.JinjaValues.Function;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Python's methods of strings and dictionaries, those that change nothing.
final class JinjaMethods {
    private JinjaMethods() {}

    static Optional<Function> of(Object value, String name) {
        return switch (value) {
            case String s -> Optional.ofNullable(string(s, name));
            case Map<?, ?> map -> Optional.ofNullable(map(map, name));
            default -> Optional.empty();
        };
    }

    private static @org.jspecify.annotations.Nullable Function map(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> (a, n) -> items(map);
            case "keys" -> (a, n) -> new ArrayList<>(map.keySet());
            case "values" -> (a, n) -> new ArrayList<Object>(map.values());
            case "get" ->
                (a, n) -> {
                    Object found = map.get(a.getFirst());
                    return found != null ? found : a.size() > 1 ? a.get(1) : JinjaValues.NONE;
                };
            case "copy" -> (a, n) -> new java.util.LinkedHashMap<Object, Object>(map);
            default -> null;
        };
    }

    static List<Object> items(Map<?, ?> map) {
        List<Object> items = new ArrayList<>();
        map.forEach((k, v) -> items.add(List.of(k, v)));
        return items;
    }

    private static @org.jspecify.annotations.Nullable Function string(String s, String name) {
        return switch (name) {
            case "strip" -> (a, n) -> strip(s, a, true, true);
            case "lstrip" -> (a, n) -> strip(s, a, true, false);
            case "rstrip" -> (a, n) -> strip(s, a, false, true);
            case "upper" -> (a, n) -> s.toUpperCase(Locale.ROOT);
            case "lower" -> (a, n) -> s.toLowerCase(Locale.ROOT);
            case "title" -> (a, n) -> title(s);
            case "capitalize" -> (a, n) -> capitalize(s);
            case "startswith" -> (a, n) -> any(a.getFirst(), s::startsWith);
            case "endswith" -> (a, n) -> any(a.getFirst(), s::endsWith);
            case "find" -> (a, n) -> (long) s.indexOf(JinjaValues.text(a.getFirst()));
            case "rfind" -> (a, n) -> (long) s.lastIndexOf(JinjaValues.text(a.getFirst()));
            case "count" -> (a, n) -> (long) occurrences(s, JinjaValues.text(a.getFirst()));
            case "replace" -> (a, n) -> replace(s, a);
            case "split" -> (a, n) -> split(s, a, false);
            case "rsplit" -> (a, n) -> split(s, a, true);
            case "splitlines" -> (a, n) -> new ArrayList<Object>(s.lines().toList());
            case "join" -> (a, n) -> join(s, JinjaValues.iterate(a.getFirst()));
            case "removeprefix" ->
                (a, n) -> {
                    String prefix = JinjaValues.text(a.getFirst());
                    return s.startsWith(prefix) ? s.substring(prefix.length()) : s;
                };
            case "removesuffix" ->
                (a, n) -> {
                    String suffix = JinjaValues.text(a.getFirst());
                    return s.endsWith(suffix) ? s.substring(0, s.length() - suffix.length()) : s;
                };
            case "isdigit" -> (a, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isDigit);
            case "isalpha" -> (a, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isLetter);
            case "isspace" -> (a, n) -> !s.isEmpty() && s.codePoints().allMatch(Character::isWhitespace);
            default -> null;
        };
    }

    private static boolean any(Object argument, java.util.function.Predicate<String> matches) {
        return argument instanceof List<?> list
                ? list.stream().anyMatch(one -> matches.test(JinjaValues.text(one)))
                : matches.test(JinjaValues.text(argument));
    }

    static String strip(String s, List<Object> arguments, boolean left, boolean right) {
        boolean spaces = arguments.isEmpty() || arguments.getFirst() == JinjaValues.NONE;
        String set = spaces ? "" : JinjaValues.text(arguments.getFirst());
        int from = 0;
        int to = s.length();
        while (left && from < to && stripped(s.charAt(from), spaces, set)) {
            from++;
        }
        while (right && to > from && stripped(s.charAt(to - 1), spaces, set)) {
            to--;
        }
        return s.substring(from, to);
    }

    private static boolean stripped(char c, boolean spaces, String set) {
        return spaces ? Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085' : set.indexOf(c) >= 0;
    }

    /// Upper case after everything that is no letter, lower case elsewhere.
    static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean inWord = false;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            out.append(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return out.toString();
    }

    static String capitalize(String s) {
        return s.isEmpty()
                ? s
                : Character.toTitleCase(s.charAt(0)) + s.substring(1).toLowerCase(Locale.ROOT);
    }

    static int occurrences(String s, String part) {
        int count = 0;
        for (int i = s.indexOf(part); i >= 0 && !part.isEmpty(); i = s.indexOf(part, i + part.length())) {
            count++;
        }
        return part.isEmpty() ? s.length() + 1 : count;
    }

    static String replace(String s, List<Object> arguments) {
        String what = JinjaValues.text(arguments.get(0));
        String with = JinjaValues.text(arguments.get(1));
        JinjaLimits.checkLength(s.length() + (long) occurrences(s, what) * with.length());
        if (arguments.size() < 3) {
            return s.replace(what, with);
        }
        String out = s;
        int from = 0;
        for (long n = JinjaValues.whole(arguments.get(2)); n > 0 && !what.isEmpty(); n--) {
            int found = out.indexOf(what, from);
            if (found < 0) {
                break;
            }
            out = out.substring(0, found) + with + out.substring(found + what.length());
            from = found + with.length();
        }
        return out;
    }

    static String join(String separator, List<Object> items) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            out.append(i == 0 ? "" : separator).append(JinjaValues.text(items.get(i)));
            JinjaLimits.checkLength(out.length());
        }
        return out.toString();
    }

    private static List<Object> split(String s, List<Object> arguments, boolean fromRight) {
        long most = arguments.size() > 1 ? JinjaValues.whole(arguments.get(1)) : -1;
        if (arguments.isEmpty() || arguments.getFirst() == JinjaValues.NONE) {
            String stripped = strip(s, List.of(), true, true);
            String[] parts = stripped.split("\\s+", most < 0 ? 0 : (int) Math.min(most + 1, Integer.MAX_VALUE));
            return stripped.isEmpty() ? new ArrayList<>() : new ArrayList<>(List.of(parts));
        }
        String separator = JinjaValues.text(arguments.getFirst());
        if (separator.isEmpty()) {
            throw new JinjaException("split: empty separator");
        }
        List<Object> parts = new ArrayList<>();
        String rest = s;
        while (most < 0 || parts.size() < most) {
            int found = fromRight ? rest.lastIndexOf(separator) : rest.indexOf(separator);
            if (found < 0) {
                break;
            }
            String before = rest.substring(0, found);
            String after = rest.substring(found + separator.length());
            if (fromRight) {
                parts.addFirst(after);
            } else {
                parts.add(before);
            }
            rest = fromRight ? before : after;
        }
        if (fromRight) {
            parts.addFirst(rest);
        } else {
            parts.add(rest);
        }
        return Objects.requireNonNull(parts);
    }
}
