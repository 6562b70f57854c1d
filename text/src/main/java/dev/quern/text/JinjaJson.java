package dev.quern.text;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// JSON as Python's `json.dumps` writes it with `ensure_ascii=False`, which is what models were trained on.
final class JinjaJson {
    private final StringBuilder out = new StringBuilder();
    private final int indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;

    private JinjaJson(int indent, String itemSeparator, String keySeparator, boolean sortKeys) {
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
    }

    static String write(Object value, Map<String, Object> options) {
        Object indent = options.getOrDefault("indent", JinjaValues.NONE);
        String item = indent == JinjaValues.NONE ? ", " : ",";
        String key = ": ";
        if (options.get("separators") instanceof List<?> separators && separators.size() == 2) {
            item = JinjaValues.text(separators.get(0));
            key = JinjaValues.text(separators.get(1));
        }
        boolean sort = JinjaValues.truth(options.getOrDefault("sort_keys", false));
        long width = indent == JinjaValues.NONE ? -1 : Math.min(JinjaValues.whole(indent), 64);
        JinjaJson json = new JinjaJson((int) width, item, key, sort);
        json.value(value, 1);
        return json.out.toString();
    }

    private void value(Object value, int depth) {
        switch (value) {
            case String s -> string(s);
            case Boolean b -> out.append(b);
            case Long l -> out.append(l);
            case Double d -> out.append(JinjaValues.decimal(d));
            case List<?> list -> {
                out.append('[');
                boolean first = true;
                for (Object item : list) {
                    separate(first, depth);
                    value(item, depth + 1);
                    first = false;
                }
                close(list.isEmpty(), depth, ']');
            }
            case Map<?, ?> map -> {
                Map<String, Object> entries = sortKeys ? new TreeMap<>() : new java.util.LinkedHashMap<>();
                map.forEach((k, v) -> entries.put(k instanceof String s ? s : write(k, Map.of()), v));
                out.append('{');
                boolean first = true;
                for (Map.Entry<String, Object> entry : entries.entrySet()) {
                    separate(first, depth);
                    string(entry.getKey());
                    out.append(keySeparator);
                    value(entry.getValue(), depth + 1);
                    first = false;
                }
                close(entries.isEmpty(), depth, '}');
            }
            default -> {
                if (value != JinjaValues.NONE) {
                    throw new JinjaException(JinjaValues.type(value) + " cannot be written as JSON");
                }
                out.append("null");
            }
        }
    }

    private void separate(boolean first, int depth) {
        if (!first) {
            out.append(itemSeparator);
        }
        if (indent >= 0) {
            out.append('\n').append(" ".repeat(indent * depth));
        }
    }

    private void close(boolean empty, int depth, char bracket) {
        if (!empty && indent >= 0) {
            out.append('\n').append(" ".repeat(indent * (depth - 1)));
        }
        out.append(bracket);
    }

    private void string(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int plain = "\"\\\n\r\t\b\f".indexOf(c);
            if (plain >= 0) {
                out.append('\\').append("\"\\nrtbf".charAt(plain));
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
