package dev.quern.text;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A parsed template: statements that write, and expressions that have a value.
sealed interface JinjaNode {
    /// Expressions carry the line they stand on, for messages.
    sealed interface Expression extends JinjaNode {}

    record Literal(Object value) implements Expression {}

    record Name(String name, int line) implements Expression {}

    record Attribute(Expression of, String name, int line) implements Expression {}

    record Item(Expression of, Expression key, int line) implements Expression {}

    record Slice(Expression of, List<Optional<Expression>> bounds, int line) implements Expression {}

    record Call(Expression function, Arguments arguments, int line) implements Expression {}

    record Filter(Expression of, String name, Arguments arguments, int line) implements Expression {}

    record Test(Expression of, String name, Arguments arguments, int line) implements Expression {}

    record Not(Expression of) implements Expression {}

    record Negative(Expression of, int line) implements Expression {}

    record Binary(String operator, Expression left, Expression right, int line) implements Expression {}

    record And(Expression left, Expression right) implements Expression {}

    record Or(Expression left, Expression right) implements Expression {}

    /// `a < b < c`: `operators` has one entry fewer than `operands`.
    record Comparison(List<Expression> operands, List<String> operators, int line) implements Expression {}

    record Choice(Expression condition, Expression then, Optional<Expression> otherwise) implements Expression {}

    record ListOf(List<Expression> items) implements Expression {}

    record MapOf(List<Expression> keys, List<Expression> values) implements Expression {}

    record Arguments(List<Expression> positional, Map<String, Expression> named) {
        static final Arguments NONE = new Arguments(List.of(), Map.of());
    }

    record Text(String text) implements JinjaNode {}

    record Output(Expression value) implements JinjaNode {}

    record If(List<Expression> conditions, List<List<JinjaNode>> branches, List<JinjaNode> otherwise)
            implements JinjaNode {}

    record For(
            List<String> names,
            Expression over,
            Optional<Expression> filter,
            List<JinjaNode> body,
            List<JinjaNode> otherwise,
            int line)
            implements JinjaNode {}

    /// `target` is a name, or an attribute of a namespace, or several names.
    record Assign(List<Expression> targets, Expression value, int line) implements JinjaNode {}

    record AssignBlock(Expression target, List<JinjaNode> body, int line) implements JinjaNode {}

    record Macro(String name, List<String> parameters, Map<String, Expression> defaults, List<JinjaNode> body)
            implements JinjaNode {}

    /// Statements with a scope of their own, whose text passes through filters.
    record Block(List<JinjaNode> body, List<Filter> filters) implements JinjaNode {}

    record Break() implements JinjaNode {}

    record Continue() implements JinjaNode {}
}
