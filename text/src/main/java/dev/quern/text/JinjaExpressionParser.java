package dev.quern.text;

import dev.quern.text.JinjaNode.Arguments;
import dev.quern.text.JinjaNode.Expression;
import dev.quern.text.JinjaToken.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Reads expressions with Jinja's precedence: condition, or, and, not, comparison, sum, `~`, product, power, sign,
/// postfix, filter and test.
final class JinjaExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=", "in");
    private static final Set<String> AFTER_TEST = Set.of("else", "or", "and", "is", "if", "in", "not");
    private static final JinjaNode.Literal EMPTY = new JinjaNode.Literal("");

    private final List<JinjaToken> tokens;
    private int at;

    JinjaExpressionParser(List<JinjaToken> tokens) {
        this.tokens = tokens;
    }

    JinjaToken peek() {
        return tokens.get(at);
    }

    JinjaToken next() {
        JinjaToken token = tokens.get(at);
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    boolean accept(String symbol) {
        boolean found = peek().is(symbol);
        if (found) {
            next();
        }
        return found;
    }

    void require(String symbol) {
        if (!accept(symbol)) {
            throw unexpected("'" + symbol + "'");
        }
    }

    JinjaToken name() {
        return expect(Kind.NAME, "a name");
    }

    JinjaToken expect(Kind kind, String what) {
        if (peek().kind() != kind) {
            throw unexpected(what);
        }
        return next();
    }

    private JinjaException unexpected(String wanted) {
        JinjaToken found = peek();
        String shown = found.text().isEmpty() ? "the end of the tag" : "'" + found.text() + "'";
        return new JinjaException(found.line(), "expected " + wanted + " but found " + shown);
    }

    /// An expression, or several with commas between them, which make a list.
    Expression tuple() {
        Expression first = expression();
        if (!peek().is(",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>(List.of(first));
        while (accept(",")) {
            if (peek().kind() == Kind.TAG_END || peek().kind() == Kind.OUTPUT_END || peek().is(")")) {
                break;
            }
            items.add(expression());
        }
        return new JinjaNode.ListOf(items);
    }

    Expression expression() {
        Expression value = withoutCondition();
        while (accept("if")) {
            Expression condition = withoutCondition();
            Optional<Expression> otherwise = accept("else") ? Optional.of(expression()) : Optional.empty();
            value = new JinjaNode.Choice(condition, value, otherwise);
        }
        return value;
    }

    /// An expression whose `if`, should one follow, belongs to somebody else.
    Expression withoutCondition() {
        Expression left = and();
        while (accept("or")) {
            left = new JinjaNode.Or(left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (accept("and")) {
            left = new JinjaNode.And(left, not());
        }
        return left;
    }

    private Expression not() {
        return accept("not") ? new JinjaNode.Not(not()) : comparison();
    }

    private Expression comparison() {
        int line = peek().line();
        List<Expression> operands = new ArrayList<>(List.of(sum()));
        List<String> operators = new ArrayList<>();
        while (true) {
            if (COMPARISONS.contains(peek().text()) && peek().is(peek().text())) {
                operators.add(next().text());
            } else if (peek().is("not") && tokens.get(at + 1).is("in")) {
                next();
                next();
                operators.add("not in");
            } else {
                break;
            }
            operands.add(sum());
        }
        return operators.isEmpty() ? operands.getFirst() : new JinjaNode.Comparison(operands, operators, line);
    }

    private Expression sum() {
        Expression left = concatenation();
        while (peek().is("+") || peek().is("-")) {
            JinjaToken operator = next();
            left = new JinjaNode.Binary(operator.text(), left, concatenation(), operator.line());
        }
        return left;
    }

    private Expression concatenation() {
        Expression left = product();
        while (peek().is("~")) {
            JinjaToken operator = next();
            left = new JinjaNode.Binary("~", left, product(), operator.line());
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (peek().is("*") || peek().is("/") || peek().is("//") || peek().is("%")) {
            JinjaToken operator = next();
            left = new JinjaNode.Binary(operator.text(), left, power(), operator.line());
        }
        return left;
    }

    private Expression power() {
        Expression left = signed(true);
        while (peek().is("**")) {
            JinjaToken operator = next();
            left = new JinjaNode.Binary("**", left, signed(true), operator.line());
        }
        return left;
    }

    private Expression signed(boolean withFilters) {
        int line = peek().line();
        Expression value;
        if (accept("-")) {
            value = new JinjaNode.Negative(signed(false), line);
        } else if (accept("+")) {
            value = signed(false);
        } else {
            value = postfix();
        }
        return withFilters ? filtered(value) : value;
    }

    private Expression filtered(Expression value) {
        while (true) {
            JinjaToken token = peek();
            if (accept("|")) {
                value = filter(value);
            } else if (accept("is")) {
                value = test(value);
            } else if (token.is("(")) {
                value = new JinjaNode.Call(value, arguments(), token.line());
            } else {
                return value;
            }
        }
    }

    private JinjaNode.Filter filter(Expression value) {
        JinjaToken name = name();
        return new JinjaNode.Filter(value, name.text(), peek().is("(") ? arguments() : Arguments.NONE, name.line());
    }

    /// The filters of a block, to be applied to its text.
    List<JinjaNode.Filter> filters() {
        List<JinjaNode.Filter> filters = new ArrayList<>();
        do {
            filters.add(filter(EMPTY));
        } while (accept("|"));
        return filters;
    }

    private Expression test(Expression value) {
        boolean negated = accept("not");
        JinjaToken name = name();
        Arguments arguments = Arguments.NONE;
        if (peek().is("(")) {
            arguments = arguments();
        } else if (startsArgument(peek())) {
            arguments = new Arguments(List.of(postfix()), Map.of());
        }
        Expression test = new JinjaNode.Test(value, name.text(), arguments, name.line());
        return negated ? new JinjaNode.Not(test) : test;
    }

    private static boolean startsArgument(JinjaToken token) {
        return switch (token.kind()) {
            case NAME -> !AFTER_TEST.contains(token.text());
            case STRING, INTEGER, FLOAT -> true;
            case SYMBOL -> token.text().equals("[") || token.text().equals("{");
            case DATA, OUTPUT_BEGIN, OUTPUT_END, TAG_BEGIN, TAG_END, END -> false;
        };
    }

    Expression postfix() {
        Expression value = primary();
        while (true) {
            int line = peek().line();
            if (accept(".")) {
                JinjaToken key = next();
                if (key.kind() == Kind.INTEGER) {
                    value = new JinjaNode.Item(value, new JinjaNode.Literal(integer(key)), line);
                } else if (key.kind() == Kind.NAME) {
                    value = new JinjaNode.Attribute(value, key.text(), line);
                } else {
                    throw new JinjaException(line, "expected a name after '.'");
                }
            } else if (accept("[")) {
                value = subscript(value, line);
            } else if (peek().is("(")) {
                value = new JinjaNode.Call(value, arguments(), line);
            } else {
                return value;
            }
        }
    }

    private Expression subscript(Expression of, int line) {
        List<Optional<Expression>> bounds = new ArrayList<>();
        boolean slice = false;
        while (true) {
            bounds.add(peek().is(":") || peek().is("]") ? Optional.empty() : Optional.of(expression()));
            if (!accept(":")) {
                break;
            }
            slice = true;
        }
        require("]");
        if (slice && bounds.size() <= 3) {
            return new JinjaNode.Slice(of, bounds, line);
        }
        return new JinjaNode.Item(
                of, bounds.getFirst().orElseThrow(() -> new JinjaException(line, "expected a key within []")), line);
    }

    private Arguments arguments() {
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        require("(");
        while (!accept(")")) {
            if (peek().kind() == Kind.NAME && tokens.get(at + 1).is("=")) {
                String name = next().text();
                next();
                named.put(name, expression());
            } else {
                positional.add(expression());
            }
            if (!peek().is(")")) {
                require(",");
            }
        }
        return new Arguments(positional, named);
    }

    private Expression primary() {
        JinjaToken token = next();
        return switch (token.kind()) {
            case STRING -> {
                StringBuilder text = new StringBuilder(token.text());
                while (peek().kind() == Kind.STRING) {
                    text.append(next().text());
                }
                yield new JinjaNode.Literal(text.toString());
            }
            case INTEGER -> new JinjaNode.Literal(integer(token));
            case FLOAT -> new JinjaNode.Literal(Double.valueOf(token.text()));
            case NAME ->
                switch (token.text()) {
                    case "true", "True" -> new JinjaNode.Literal(true);
                    case "false", "False" -> new JinjaNode.Literal(false);
                    case "none", "None" -> new JinjaNode.Literal(JinjaValues.NONE);
                    default -> new JinjaNode.Name(token.text(), token.line());
                };
            case SYMBOL -> bracketed(token);
            case DATA, OUTPUT_BEGIN, OUTPUT_END, TAG_BEGIN, TAG_END, END -> {
                at--;
                throw unexpected("a value");
            }
        };
    }

    private Expression bracketed(JinjaToken open) {
        switch (open.text()) {
            case "(" -> {
                if (accept(")")) {
                    return new JinjaNode.ListOf(List.of());
                }
                Expression inner = tuple();
                require(")");
                return inner;
            }
            case "[" -> {
                List<Expression> items = new ArrayList<>();
                while (!accept("]")) {
                    items.add(expression());
                    if (!peek().is("]")) {
                        require(",");
                    }
                }
                return new JinjaNode.ListOf(items);
            }
            case "{" -> {
                List<Expression> keys = new ArrayList<>();
                List<Expression> values = new ArrayList<>();
                while (!accept("}")) {
                    keys.add(expression());
                    require(":");
                    values.add(expression());
                    if (!peek().is("}")) {
                        require(",");
                    }
                }
                return new JinjaNode.MapOf(keys, values);
            }
            default -> throw new JinjaException(open.line(), "expected a value but found '" + open.text() + "'");
        }
    }

    private static Long integer(JinjaToken token) {
        try {
            return Long.valueOf(token.text());
        } catch (NumberFormatException e) {
            throw new JinjaException(token.line(), token.text() + " is too great a number");
        }
    }
}
