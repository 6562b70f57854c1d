package dev.quern.text;

import dev.quern.text.JinjaNode.Expression;
import dev.quern.text.JinjaToken.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Reads statements; expressions are read by `JinjaExpressionParser`.
final class JinjaParser {
    private final JinjaExpressionParser in;

    private JinjaParser(JinjaExpressionParser in) {
        this.in = in;
    }

    static List<JinjaNode> parse(String template) {
        JinjaParser parser = new JinjaParser(new JinjaExpressionParser(JinjaLexer.tokens(template)));
        return parser.body(Set.of());
    }

    /// Statements up to a tag of one of the names in `until`, of which only the name has been read.
    private List<JinjaNode> body(Set<String> until) {
        List<JinjaNode> body = new ArrayList<>();
        while (true) {
            JinjaToken token = in.next();
            switch (token.kind()) {
                case DATA -> body.add(new JinjaNode.Text(token.text()));
                case OUTPUT_BEGIN -> {
                    body.add(new JinjaNode.Output(in.tuple()));
                    in.expect(Kind.OUTPUT_END, "}}");
                }
                case TAG_BEGIN -> {
                    if (until.contains(in.peek().text())) {
                        return body;
                    }
                    body.add(statement(in.name()));
                }
                case END -> {
                    if (until.isEmpty()) {
                        return body;
                    }
                    throw new JinjaException(token.line(), "the template ends where " + until + " is missing");
                }
                default -> throw new JinjaException(token.line(), "unexpected " + token.text());
            }
        }
    }

    private JinjaNode statement(JinjaToken tag) {
        return switch (tag.text()) {
            case "if" -> ifStatement();
            case "for" -> forStatement(tag.line());
            case "set" -> set(tag.line());
            case "macro" -> macro();
            case "generation" -> block("endgeneration", List.of());
            case "filter" -> {
                List<JinjaNode.Filter> filters = in.filters();
                yield block("endfilter", filters);
            }
            case "break" -> {
                endTag();
                yield new JinjaNode.Break();
            }
            case "continue" -> {
                endTag();
                yield new JinjaNode.Continue();
            }
            default ->
                throw new JinjaException(tag.line(), "the tag {% " + tag.text() + " %} is not known in chat templates");
        };
    }

    private JinjaNode ifStatement() {
        List<Expression> conditions = new ArrayList<>();
        List<List<JinjaNode>> branches = new ArrayList<>();
        List<JinjaNode> otherwise = List.of();
        String tag = "if";
        while (!tag.equals("endif")) {
            if (tag.equals("else")) {
                endTag();
                otherwise = body(Set.of("endif"));
            } else {
                conditions.add(in.tuple());
                endTag();
                branches.add(body(Set.of("elif", "else", "endif")));
            }
            tag = in.name().text();
        }
        endTag();
        return new JinjaNode.If(conditions, branches, otherwise);
    }

    private JinjaNode forStatement(int line) {
        List<String> names = new ArrayList<>();
        boolean parenthesised = in.accept("(");
        do {
            names.add(in.name().text());
        } while (in.accept(","));
        if (parenthesised) {
            in.require(")");
        }
        in.require("in");
        Expression over = in.withoutCondition();
        Optional<Expression> filter = in.accept("if") ? Optional.of(in.expression()) : Optional.empty();
        endTag();
        List<JinjaNode> body = body(Set.of("else", "endfor"));
        List<JinjaNode> otherwise = List.of();
        if (in.name().text().equals("else")) {
            endTag();
            otherwise = body(Set.of("endfor"));
            in.name();
        }
        endTag();
        return new JinjaNode.For(names, over, filter, body, otherwise, line);
    }

    private JinjaNode set(int line) {
        List<Expression> targets = new ArrayList<>();
        do {
            Expression target = in.postfix();
            boolean assignable = target instanceof JinjaNode.Name
                    || (target instanceof JinjaNode.Attribute a && a.of() instanceof JinjaNode.Name);
            if (!assignable) {
                throw new JinjaException(line, "{% set %} wants a name or namespace.name");
            }
            targets.add(target);
        } while (in.accept(","));
        if (in.accept("=")) {
            Expression value = in.tuple();
            endTag();
            return new JinjaNode.Assign(targets, value, line);
        }
        List<JinjaNode.Filter> filters = in.accept("|") ? in.filters() : List.of();
        JinjaNode block = block("endset", filters);
        return new JinjaNode.AssignBlock(targets.getFirst(), List.of(block), line);
    }

    private JinjaNode macro() {
        String name = in.name().text();
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        in.require("(");
        while (!in.accept(")")) {
            String parameter = in.name().text();
            parameters.add(parameter);
            if (in.accept("=")) {
                defaults.put(parameter, in.expression());
            }
            if (!in.peek().is(")")) {
                in.require(",");
            }
        }
        endTag();
        List<JinjaNode> body = body(Set.of("endmacro"));
        in.name();
        if (in.peek().kind() == Kind.NAME) {
            in.next();
        }
        endTag();
        return new JinjaNode.Macro(name, parameters, defaults, body);
    }

    private JinjaNode block(String end, List<JinjaNode.Filter> filters) {
        endTag();
        List<JinjaNode> body = body(Set.of(end));
        in.name();
        endTag();
        return new JinjaNode.Block(body, filters);
    }

    private void endTag() {
        in.expect(Kind.TAG_END, "%}");
    }
}
