package dev.quern.text;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/// Python's `strftime` for the codes that templates use.
final class JinjaClock {
    private static final Map<Character, String> PATTERNS = Map.ofEntries(
            Map.entry('d', "dd"),
            Map.entry('m', "MM"),
            Map.entry('y', "yy"),
            Map.entry('Y', "yyyy"),
            Map.entry('b', "MMM"),
            Map.entry('B', "MMMM"),
            Map.entry('a', "EEE"),
            Map.entry('A', "EEEE"),
            Map.entry('H', "HH"),
            Map.entry('I', "hh"),
            Map.entry('M', "mm"),
            Map.entry('S', "ss"),
            Map.entry('p', "a"),
            Map.entry('j', "DDD"),
            Map.entry('f', "SSSSSS"),
            Map.entry('F', "yyyy-MM-dd"),
            Map.entry('T', "HH:mm:ss"));

    private JinjaClock() {}

    static String format(String codes, LocalDateTime time) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < codes.length(); i++) {
            char c = codes.charAt(i);
            if (c != '%' || i + 1 == codes.length()) {
                out.append(c);
                continue;
            }
            char code = codes.charAt(++i);
            String pattern = PATTERNS.get(code);
            if (code == '%') {
                out.append('%');
            } else if (pattern != null) {
                out.append(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time));
            } else {
                throw new JinjaException("strftime_now: %" + code + " is not known");
            }
        }
        return out.toString();
    }
}
