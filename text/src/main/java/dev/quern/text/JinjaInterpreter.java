package dev.quern.text;

import static dev.quern.text.JinjaValues.text;
import static dev.quern.text.JinjaValues.truth;

import dev.quern.text.JinjaNode.Arguments;
import dev.quern.text.JinjaNode.Expression;
import dev.quern.text.JinjaValues.Function;
import dev.quern.text.JinjaValues.Namespace;
import dev.quern.text.JinjaValues.Undefined;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Renders a parsed template once. Not for several threads.
final class JinjaInterpreter {
    private final JinjaLimits limits = new JinjaLimits();
    private StringBuilder out = new StringBuilder();
    private Scope scope;

    private enum End {
        NORMAL,
        BREAK,
        CONTINUE
    }

    /// Names seen here, then in the scopes around.
    private record Scope(
            Map<String, Object> values, @Nullable Scope parent) {
        @Nullable
        Object find(String name) {
            for (Scope at = this; at != null; at = at.parent) {
                Object value = at.values.get(name);
                if (value != null) {
                    return value;
                }
            }
            return null;
        }

        Scope inner() {
            return new Scope(new HashMap<>(), this);
        }
    }

    JinjaInterpreter(Map<String, Object> values) {
        Map<String, Object> globals = new HashMap<>(values);
        globals.put("namespace", (Function) (a, n) -> {
            Map<String, Object> fields = new LinkedHashMap<>();
            a.forEach(map -> ((Map<?, ?>) map).forEach((k, v) -> fields.put(text(k), v)));
            fields.putAll(n);
            return new Namespace(fields);
        });
        globals.put("dict", (Function) (a, n) -> new LinkedHashMap<Object, Object>(n));
        globals.put("range", (Function) (a, n) -> range(a));
        this.scope = new Scope(globals, null).inner();
    }

    String render(List<JinjaNode> template) {
        try {
            run(template);
            return out.toString();
        } catch (StackOverflowError e) {
            throw new JinjaException("the template is nested too deeply");
        }
    }

    private End run(List<JinjaNode> nodes) {
        for (JinjaNode node : nodes) {
            End end = run(node);
            if (end != End.NORMAL) {
                return end;
            }
        }
        return End.NORMAL;
    }

    private End run(JinjaNode node) {
        limits.step();
        switch (node) {
            case JinjaNode.Text text -> write(text.text());
            case JinjaNode.Output output -> write(text(value(output.value())));
            case JinjaNode.If choice -> {
                for (int i = 0; i < choice.conditions().size(); i++) {
                    if (truth(value(choice.conditions().get(i)))) {
                        return run(choice.branches().get(i));
                    }
                }
                return run(choice.otherwise());
            }
            case JinjaNode.For loop -> loop(loop);
            case JinjaNode.Assign assign -> assign(assign);
            case JinjaNode.AssignBlock block -> {
                String body = captured(block.body());
                assign(block.target(), body, block.line());
            }
            case JinjaNode.Macro macro -> scope.values.put(macro.name(), macro(macro, scope));
            case JinjaNode.Block block -> {
                Object body = captured(block.body());
                for (JinjaNode.Filter filter : block.filters()) {
                    body = filter(filter, body);
                }
                write(text(body));
            }
            case JinjaNode.Break _ -> {
                return End.BREAK;
            }
            case JinjaNode.Continue _ -> {
                return End.CONTINUE;
            }
            case Expression expression -> write(text(value(expression)));
        }
        return End.NORMAL;
    }

    private void write(String text) {
        limits.write(text.length());
        out.append(text);
    }

    /// The text that statements write, in a scope of their own.
    private String captured(List<JinjaNode> body) {
        StringBuilder outer = out;
        Scope around = scope;
        out = new StringBuilder();
        scope = scope.inner();
        try {
            run(body);
            return out.toString();
        } finally {
            out = outer;
            scope = around;
        }
    }

    private void loop(JinjaNode.For loop) {
        List<Object> items = at(loop.line(), () -> JinjaValues.iterate(value(loop.over())));
        Scope around = scope;
        try {
            if (loop.filter().isPresent()) {
                List<Object> kept = new ArrayList<>();
                for (Object item : items) {
                    scope = around.inner();
                    bind(loop, item);
                    if (truth(value(loop.filter().get()))) {
                        kept.add(item);
                    }
                }
                items = kept;
            }
            for (int i = 0; i < items.size(); i++) {
                limits.step();
                scope = around.inner();
                bind(loop, items.get(i));
                scope.values.put("loop", loopState(items, i));
                if (run(loop.body()) == End.BREAK) {
                    break;
                }
            }
            scope = around.inner();
            if (items.isEmpty()) {
                run(loop.otherwise());
            }
        } finally {
            scope = around;
        }
    }

    private void bind(JinjaNode.For loop, Object item) {
        if (loop.names().size() == 1) {
            scope.values.put(loop.names().getFirst(), item);
            return;
        }
        List<Object> parts = at(loop.line(), () -> JinjaValues.iterate(item));
        if (parts.size() != loop.names().size()) {
            throw new JinjaException(
                    loop.line(), parts.size() + " values for " + loop.names().size() + " names");
        }
        for (int i = 0; i < parts.size(); i++) {
            scope.values.put(loop.names().get(i), parts.get(i));
        }
    }

    private static Map<String, Object> loopState(List<Object> items, int i) {
        Map<String, Object> loop = new HashMap<>();
        loop.put("index", i + 1L);
        loop.put("index0", (long) i);
        loop.put("first", i == 0);
        loop.put("last", i == items.size() - 1);
        loop.put("length", (long) items.size());
        loop.put("revindex", (long) items.size() - i);
        loop.put("revindex0", items.size() - i - 1L);
        loop.put("depth", 1L);
        if (i > 0) {
            loop.put("previtem", items.get(i - 1));
        }
        if (i < items.size() - 1) {
            loop.put("nextitem", items.get(i + 1));
        }
        loop.put("cycle", (Function) (a, n) -> a.get(i % a.size()));
        return loop;
    }

    private void assign(JinjaNode.Assign assign) {
        Object value = value(assign.value());
        if (assign.targets().size() == 1) {
            assign(assign.targets().getFirst(), value, assign.line());
            return;
        }
        List<Object> parts = at(assign.line(), () -> JinjaValues.iterate(value));
        if (parts.size() != assign.targets().size()) {
            throw new JinjaException(
                    assign.line(),
                    parts.size() + " values for " + assign.targets().size() + " names");
        }
        for (int i = 0; i < parts.size(); i++) {
            assign(assign.targets().get(i), parts.get(i), assign.line());
        }
    }

    private void assign(Expression target, Object value, int line) {
        if (target instanceof JinjaNode.Name name) {
            scope.values.put(name.name(), value);
        } else if (target instanceof JinjaNode.Attribute attribute
                && value(attribute.of()) instanceof Namespace namespace) {
            namespace.values().put(attribute.name(), value);
        } else {
            throw new JinjaException(line, "cannot assign attribute on a value that is no namespace");
        }
    }

    private Function macro(JinjaNode.Macro macro, Scope home) {
        return (arguments, named) -> {
            Scope caller = scope;
            limits.enter();
            try {
                scope = home.inner();
                for (int i = 0; i < macro.parameters().size(); i++) {
                    String name = macro.parameters().get(i);
                    Expression otherwise = macro.defaults().get(name);
                    Object value = i < arguments.size() ? arguments.get(i) : named.get(name);
                    if (value == null) {
                        value = otherwise != null
                                ? value(otherwise)
                                : new Undefined("parameter '" + name + "' was not provided");
                    }
                    scope.values.put(name, value);
                }
                return captured(macro.body());
            } finally {
                limits.leave();
                scope = caller;
            }
        };
    }

    private Object value(Expression expression) {
        return limits.made(
                switch (expression) {
                    case JinjaNode.Literal literal -> literal.value();
                    case JinjaNode.Name name ->
                        Optional.ofNullable(scope.find(name.name()))
                                .orElseGet(() -> new Undefined("'" + name.name() + "' is undefined"));
                    case JinjaNode.Attribute a -> attribute(value(a.of()), a.name(), a.line());
                    case JinjaNode.Item i -> item(value(i.of()), value(i.key()), i.line());
                    case JinjaNode.Slice s -> at(s.line(), () -> slice(value(s.of()), s.bounds()));
                    case JinjaNode.Call c -> call(c);
                    case JinjaNode.Filter f -> filter(f, value(f.of()));
                    case JinjaNode.Test t ->
                        at(t.line(), () -> JinjaFilters.test(t.name(), value(t.of()), positional(t.arguments())));
                    case JinjaNode.Not not -> !truth(value(not.of()));
                    case JinjaNode.Negative n -> at(n.line(), () -> JinjaArithmetic.negative(value(n.of())));
                    case JinjaNode.Binary b ->
                        at(b.line(), () -> JinjaArithmetic.binary(b.operator(), value(b.left()), value(b.right())));
                    case JinjaNode.And and -> {
                        Object left = value(and.left());
                        yield truth(left) ? value(and.right()) : left;
                    }
                    case JinjaNode.Or or -> {
                        Object left = value(or.left());
                        yield truth(left) ? left : value(or.right());
                    }
                    case JinjaNode.Comparison c -> at(c.line(), () -> compare(c));
                    case JinjaNode.Choice c -> {
                        if (truth(value(c.condition()))) {
                            yield value(c.then());
                        }
                        yield c.otherwise().isPresent()
                                ? value(c.otherwise().get())
                                : new Undefined("the condition was false and there is no else");
                    }
                    case JinjaNode.ListOf list -> {
                        List<Object> items = new ArrayList<>();
                        list.items().forEach(i -> items.add(value(i)));
                        yield items;
                    }
                    case JinjaNode.MapOf map -> {
                        Map<Object, Object> entries = new LinkedHashMap<>();
                        for (int i = 0; i < map.keys().size(); i++) {
                            entries.put(
                                    value(map.keys().get(i)), value(map.values().get(i)));
                        }
                        yield entries;
                    }
                });
    }

    private static Object attribute(Object of, String name, int line) {
        if (of instanceof Undefined undefined) {
            throw new JinjaException(line, undefined.reason());
        }
        if (of instanceof Namespace namespace) {
            Object value = namespace.values().get(name);
            return value != null ? value : new Undefined("the namespace has no attribute '" + name + "'");
        }
        Optional<Function> method = JinjaMethods.of(of, name);
        Object field = of instanceof Map<?, ?> map ? map.get(name) : null;
        return method.isPresent()
                ? method.get()
                : field != null
                        ? field
                        : new Undefined("'" + JinjaValues.type(of) + " object' has no attribute '" + name + "'");
    }

    private static Object item(Object of, Object key, int line) {
        Object found = null;
        if (of instanceof Map<?, ?> map) {
            found = map.get(key);
        } else if (key instanceof Long index && (of instanceof List || of instanceof String)) {
            List<Object> items = JinjaValues.iterate(of);
            long at = index < 0 ? index + items.size() : index;
            return at >= 0 && at < items.size()
                    ? items.get((int) at)
                    : new Undefined(JinjaValues.type(of) + " object has no element " + index);
        }
        return found != null ? found : attribute(of, text(key), line);
    }

    private Object slice(Object of, List<Optional<Expression>> bounds) {
        List<Object> items = JinjaValues.iterate(of);
        Long from = bound(bounds, 0);
        Long to = bound(bounds, 1);
        Long given = bound(bounds, 2);
        long step = given == null ? 1 : given;
        if (step == 0) {
            throw new JinjaException("a slice's step cannot be 0");
        }
        int n = items.size();
        long start = from == null ? (step > 0 ? 0 : n - 1) : clamp(from, n, step);
        long stop = to == null ? (step > 0 ? n : -1) : clamp(to, n, step);
        List<Object> part = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
            part.add(items.get((int) i));
        }
        return of instanceof String ? JinjaMethods.join("", part) : part;
    }

    private static long clamp(long index, int n, long step) {
        long at = index < 0 ? index + n : index;
        return step > 0 ? Math.clamp(at, 0, n) : Math.clamp(at, -1, n - 1);
    }

    private @Nullable Long bound(List<Optional<Expression>> bounds, int i) {
        if (i >= bounds.size() || bounds.get(i).isEmpty()) {
            return null;
        }
        Object value = value(bounds.get(i).get());
        return value == JinjaValues.NONE ? null : Long.valueOf(JinjaValues.whole(value));
    }

    private Object call(JinjaNode.Call call) {
        Object function = value(call.function());
        if (!(function instanceof Function callable)) {
            String reason =
                    function instanceof Undefined u ? u.reason() : JinjaValues.type(function) + " is no function";
            throw new JinjaException(call.line(), reason);
        }
        List<Object> arguments = positional(call.arguments());
        Map<String, Object> named = named(call.arguments());
        return at(call.line(), () -> callable.call(arguments, named));
    }

    private Object filter(JinjaNode.Filter filter, Object value) {
        List<Object> arguments = positional(filter.arguments());
        Map<String, Object> named = named(filter.arguments());
        return at(filter.line(), () -> JinjaFilters.filter(filter.name(), value, arguments, named));
    }

    private List<Object> positional(Arguments arguments) {
        List<Object> values = new ArrayList<>();
        arguments.positional().forEach(e -> values.add(value(e)));
        return values;
    }

    private Map<String, Object> named(Arguments arguments) {
        Map<String, Object> values = new LinkedHashMap<>();
        arguments.named().forEach((name, e) -> values.put(name, value(e)));
        return values;
    }

    private boolean compare(JinjaNode.Comparison c) {
        Object left = value(c.operands().getFirst());
        for (int i = 0; i < c.operators().size(); i++) {
            Object right = value(c.operands().get(i + 1));
            boolean holds = switch (c.operators().get(i)) {
                case "==" -> JinjaValues.same(left, right);
                case "!=" -> !JinjaValues.same(left, right);
                case "<" -> JinjaValues.compare(left, right) < 0;
                case "<=" -> JinjaValues.compare(left, right) <= 0;
                case ">" -> JinjaValues.compare(left, right) > 0;
                case ">=" -> JinjaValues.compare(left, right) >= 0;
                case "in" -> JinjaFilters.contains(right, left);
                default -> !JinjaFilters.contains(right, left);
            };
            if (!holds) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private static List<Object> range(List<Object> a) {
        long from = a.size() > 1 ? JinjaValues.whole(a.get(0)) : 0;
        long to = JinjaValues.whole(a.get(a.size() > 1 ? 1 : 0));
        long step = a.size() > 2 ? JinjaValues.whole(a.get(2)) : 1;
        List<Object> numbers = new ArrayList<>();
        for (long i = from; step > 0 ? i < to : step < 0 && i > to; i += step) {
            numbers.add(i);
            if (numbers.size() > JinjaLimits.MAX_RANGE) {
                throw new JinjaException("a range has more than " + JinjaLimits.MAX_RANGE + " numbers");
            }
        }
        return numbers;
    }

    /// Adds the line to a message that has none, and turns a wrong number of arguments into a message.
    private static <T> T at(int line, java.util.function.Supplier<T> body) {
        try {
            return body.get();
        } catch (JinjaException e) {
            String message = String.valueOf(e.getMessage());
            throw message.startsWith("line ") ? e : new JinjaException(line, message);
        } catch (IndexOutOfBoundsException | java.util.NoSuchElementException | ClassCastException e) {
            throw new JinjaException(line, "a function is called with the wrong arguments");
        } catch (ArithmeticException e) {
            throw new JinjaException(line, "a number is divided by zero or grows too great");
        }
    }
}
