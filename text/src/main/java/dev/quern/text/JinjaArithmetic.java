package dev.quern.text;

import static dev.quern.text.JinjaValues.isNumber;
import static dev.quern.text.JinjaValues.number;
import static dev.quern.text.JinjaValues.text;
import static dev.quern.text.JinjaValues.whole;

import java.util.ArrayList;
import java.util.List;

/// Python's operators on the values of a template.
final class JinjaArithmetic {
    private JinjaArithmetic() {}

    static Object negative(Object value) {
        return value instanceof Double d ? (Object) (-d) : (Object) Math.negateExact(whole(value));
    }

    static Object binary(String operator, Object a, Object b) {
        if (operator.equals("~")) {
            return joined(text(a), text(b));
        }
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double || operator.equals("/")
                    ? real(operator, number(a), number(b))
                    : integer(operator, whole(a), whole(b));
        }
        if (operator.equals("+") && a instanceof String x && b instanceof String y) {
            return joined(x, y);
        }
        if (operator.equals("+") && a instanceof List<?> x && b instanceof List<?> y) {
            List<Object> both = new ArrayList<>(x);
            both.addAll(y);
            return both;
        }
        if (operator.equals("*") && a instanceof String s && b instanceof Long n) {
            JinjaLimits.checkLength(Math.multiplyExact(s.length(), Math.max(0, n)));
            return s.repeat((int) Math.max(0, n));
        }
        throw new JinjaException(
                "'" + operator + "' does not work between " + JinjaValues.type(a) + " and " + JinjaValues.type(b));
    }

    private static String joined(String a, String b) {
        JinjaLimits.checkLength((long) a.length() + b.length());
        return a + b;
    }

    private static Object integer(String operator, long a, long b) {
        return switch (operator) {
            case "+" -> Math.addExact(a, b);
            case "-" -> Math.subtractExact(a, b);
            case "*" -> Math.multiplyExact(a, b);
            case "//" -> Math.floorDiv(a, b);
            case "%" -> Math.floorMod(a, b);
            default -> {
                if (b < 0) {
                    yield Math.pow(a, b);
                }
                long power = 1;
                for (long i = 0; i < b && (Math.abs(a) > 1 || i < 1 + (b & 1)); i++) {
                    power = Math.multiplyExact(power, a);
                }
                yield power;
            }
        };
    }

    private static Object real(String operator, double a, double b) {
        if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
            throw new ArithmeticException("division by zero");
        }
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> Math.floor(a / b);
            case "%" -> a - b * Math.floor(a / b);
            default -> Math.pow(a, b);
        };
    }
}
