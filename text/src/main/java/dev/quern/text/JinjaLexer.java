package dev.quern.text;

import dev.quern.text.JinjaToken.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Cuts a template into tokens, with the whitespace rules of `trim_blocks` and `lstrip_blocks`.
final class JinjaLexer {
    private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}");
    private static final Pattern RAW = Pattern.compile("\\{%[-+]?\\s*raw\\s*([-+]?)%}");
    private static final Pattern WORD = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_]*");
    private static final Pattern NUMBER = Pattern.compile("[0-9](?:_?[0-9])*(\\.[0-9](?:_?[0-9])*)?([eE][+-]?[0-9]+)?");
    private static final List<String> SYMBOLS = List.of(
            "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "(", ")", "[", "]", "{", "}",
            ",", ":", ".", "|", "=");

    private final String source;
    private final List<JinjaToken> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean lineStarts = true;

    private JinjaLexer(String source) {
        this.source = source;
    }

    static List<JinjaToken> tokens(String template) {
        String text = template.replace("\r\n", "\n").replace('\r', '\n');
        JinjaLexer lexer = new JinjaLexer(text.endsWith("\n") ? text.substring(0, text.length() - 1) : text);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (at < source.length()) {
            int tag = nextTag(at);
            if (tag < 0) {
                data(source.substring(at));
                at = source.length();
                break;
            }
            char mark = source.charAt(tag + 1);
            char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            data(before(source.substring(at, tag), mark != '{', sign));
            count(at, tag);
            at = tag;
            tag(mark, sign);
        }
        add(Kind.END, "");
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    /// The text before a tag: `-` strips it, and a tag alone at the start of its line takes the indentation with it.
    private String before(String data, boolean block, char sign) {
        if (sign == '-') {
            return data.stripTrailing();
        }
        int start = data.lastIndexOf('\n') + 1;
        boolean mayStrip = block && sign != '+' && (start > 0 || lineStarts);
        return mayStrip && data.substring(start).isBlank() ? data.substring(0, start) : data;
    }

    private void tag(char mark, char sign) {
        Matcher raw = RAW.matcher(source).region(at, source.length());
        if (mark == '#') {
            int end = source.indexOf("#}", at + 2);
            if (end < 0) {
                throw new JinjaException(line, "a comment {# has no end #}");
            }
            count(at, end);
            at = end + 2;
            after(true, source.charAt(end - 1));
        } else if (mark == '%' && raw.lookingAt()) {
            raw(raw);
        } else {
            at += sign == '-' || sign == '+' ? 3 : 2;
            boolean output = mark == '{';
            add(output ? Kind.OUTPUT_BEGIN : Kind.TAG_BEGIN, "");
            inside(output ? "}}" : "%}", output);
        }
    }

    private void raw(Matcher begin) {
        at = begin.end();
        after(true, begin.group(1).isEmpty() ? ' ' : begin.group(1).charAt(0));
        Matcher end = END_RAW.matcher(source);
        if (!end.find(at)) {
            throw new JinjaException(line, "{% raw %} has no {% endraw %}");
        }
        char sign = end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0);
        data(before(source.substring(at, end.start()), true, sign));
        count(at, end.end());
        at = end.end();
        after(true, end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0));
    }

    /// What follows a tag: `-` strips it, and a block takes one line end with it.
    private void after(boolean block, char sign) {
        int from = at;
        if (sign == '-') {
            while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
                at++;
            }
        } else if (block && sign != '+' && at < source.length() && source.charAt(at) == '\n') {
            at++;
        }
        count(from, at);
        lineStarts = at > from && source.charAt(at - 1) == '\n';
    }

    private void inside(String end, boolean output) {
        int depth = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            boolean signed = c == '-' || (c == '+' && !output);
            if (depth == 0 && (source.startsWith(end, at) || (signed && source.startsWith(end, at + 1)))) {
                at += signed ? 3 : 2;
                add(output ? Kind.OUTPUT_END : Kind.TAG_END, "");
                after(!output, signed ? c : ' ');
                return;
            }
            if (Character.isWhitespace(c)) {
                count(at, ++at);
            } else if (c == '\'' || c == '"') {
                string(c);
            } else if (!match(WORD, Kind.NAME) && !number()) {
                String symbol = SYMBOLS.stream()
                        .filter(s -> source.startsWith(s, at))
                        .findFirst()
                        .orElseThrow(() -> new JinjaException(line, "unexpected character '" + c + "'"));
                depth += "([{".contains(symbol) ? 1 : ")]}".contains(symbol) ? -1 : 0;
                add(Kind.SYMBOL, symbol);
                at += symbol.length();
            }
        }
        throw new JinjaException(line, "a tag has no end " + end);
    }

    private boolean match(Pattern pattern, Kind kind) {
        Matcher matcher = pattern.matcher(source).region(at, source.length());
        if (!matcher.lookingAt()) {
            return false;
        }
        add(kind, matcher.group());
        at = matcher.end();
        return true;
    }

    private boolean number() {
        Matcher matcher = NUMBER.matcher(source).region(at, source.length());
        if (!matcher.lookingAt()) {
            return false;
        }
        boolean whole = matcher.group(1) == null && matcher.group(2) == null;
        add(whole ? Kind.INTEGER : Kind.FLOAT, matcher.group().replace("_", ""));
        at = matcher.end();
        return true;
    }

    private void string(char quote) {
        StringBuilder text = new StringBuilder();
        int i = at + 1;
        while (i < source.length() && source.charAt(i) != quote) {
            if (source.charAt(i) == '\\' && i + 1 < source.length()) {
                i = escape(i + 1, text);
            } else {
                text.append(source.charAt(i++));
            }
        }
        if (i >= source.length()) {
            throw new JinjaException(line, "a string has no closing " + quote);
        }
        add(Kind.STRING, text.toString());
        count(at, i);
        at = i + 1;
    }

    /// Python's escapes; an unknown one keeps its backslash.
    private int escape(int i, StringBuilder text) {
        char c = source.charAt(i);
        int plain = "nrtbfav0'\"\\\n".indexOf(c);
        int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        if (plain >= 0) {
            text.append(c == '\n' ? "" : String.valueOf("\n\r\t\b\f\u0007\u000b\0'\"\\".charAt(plain)));
        } else if (digits > 0 && i + digits < source.length()) {
            try {
                text.appendCodePoint(Integer.parseInt(source.substring(i + 1, i + 1 + digits), 16));
            } catch (IllegalArgumentException e) {
                throw new JinjaException(line, "a string holds the broken escape \\" + c);
            }
            return i + 1 + digits;
        } else {
            text.append('\\').append(c);
        }
        return i + 1;
    }

    private void data(String text) {
        if (!text.isEmpty()) {
            add(Kind.DATA, text);
        }
        lineStarts = false;
    }

    private void add(Kind kind, String text) {
        tokens.add(new JinjaToken(kind, text, line));
    }

    private void count(int from, int to) {
        for (int i = from; i < to; i++) {
            line += source.charAt(i) == '\n' ? 1 : 0;
        }
    }
}
