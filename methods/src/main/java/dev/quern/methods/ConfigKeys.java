package dev.quern.methods;

import dev.quern.core.Nearest;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The keys of a Config record, derived from its components: names in kebab-case, types, defaults and help from `Key`.
public final class ConfigKeys {
    private ConfigKeys() {}

    /// The keys of `type` in the order of its components.
    public static List<ConfigKey> of(Class<? extends Record> type) {
        return Arrays.stream(type.getRecordComponents()).map(ConfigKeys::key).toList();
    }

    /// A Config with `values` (text, numbers or booleans, by key) and defaults for the rest; `owner` is named in
    /// errors.
    /// Throws `UsageException` for an unknown key (with the nearest known one) or a value of the wrong type.
    public static <C extends Record> C read(String owner, Class<C> type, Map<String, ?> values) {
        RecordComponent[] components = type.getRecordComponents();
        List<String> names =
                Arrays.stream(components).map(c -> kebab(c.getName())).toList();
        for (String given : values.keySet()) {
            if (!names.contains(given)) {
                throw Nearest.unknown("key of " + owner, given, names);
            }
        }
        @Nullable Object[] arguments = new Object[components.length];
        Class<?>[] types = new Class<?>[components.length];
        for (int i = 0; i < components.length; i++) {
            Object given = values.get(names.get(i));
            String text = given == null ? annotation(components[i]).value() : given.toString();
            types[i] = components[i].getType();
            arguments[i] = parse(owner, names.get(i), types[i], text.strip());
        }
        try {
            return type.getDeclaredConstructor(types).newInstance(arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof QuernException reason) {
                throw new UsageException(owner + ": " + reason.getMessage());
            }
            throw new IllegalStateException(type + " cannot be made", e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(type + " cannot be made", e);
        }
    }

    /// The Config with every key at its default.
    public static <C extends Record> C defaults(Class<C> type) {
        return read(type.getSimpleName(), type, Map.of());
    }

    /// All keys with their values, as `quern.json` records them and `read` takes them back.
    public static Map<String, Object> values(Record config) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (RecordComponent component : config.getClass().getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(config);
                values.put(kebab(component.getName()), value instanceof Enum<?> e ? kebab(e.name()) : value);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(component + " cannot be read", e);
            }
        }
        return values;
    }

    /// `groupSize` and `GROUP_SIZE` become `group-size`.
    static String kebab(String name) {
        if (name.equals(name.toUpperCase(Locale.ROOT))) {
            return name.toLowerCase(Locale.ROOT).replace('_', '-');
        }
        return name.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
    }

    private static ConfigKey key(RecordComponent component) {
        Class<?> type = component.getType();
        List<String> choices = type.isEnum() ? choices(type) : List.of();
        String name = switch (type.getSimpleName()) {
            case "int", "long" -> "integer";
            case "double", "float" -> "number";
            case "boolean" -> "true|false";
            default -> choices.isEmpty() ? "text" : String.join("|", choices);
        };
        Key key = annotation(component);
        return new ConfigKey(kebab(component.getName()), name, choices, key.value(), key.doc());
    }

    private static List<String> choices(Class<?> type) {
        return Arrays.stream(type.getEnumConstants())
                .map(c -> kebab(((Enum<?>) c).name()))
                .toList();
    }

    private static Key annotation(RecordComponent component) {
        Key key = component.getAnnotation(Key.class);
        if (key == null) {
            throw new IllegalStateException(component + " has no @Key");
        }
        return key;
    }

    private static Object parse(String owner, String name, Class<?> type, String text) {
        if (type.isEnum()) {
            List<String> choices = choices(type);
            int at = choices.indexOf(text);
            if (at < 0) {
                throw Nearest.unknown("value of " + owner + "'s " + name + ":", text, choices);
            }
            return type.getEnumConstants()[at];
        }
        try {
            return switch (type.getSimpleName()) {
                case "int" -> Integer.parseInt(text);
                case "long" -> Long.parseLong(text);
                case "double" -> finite(text);
                case "float" -> (float) finite(text);
                case "boolean" -> bool(text);
                case "String" -> text;
                default -> throw new IllegalStateException(type + " is no type of a key");
            };
        } catch (NumberFormatException e) {
            String wanted = type == boolean.class
                    ? "true or false"
                    : type == int.class || type == long.class ? "a whole number" : "a number";
            throw new UsageException(owner + ": " + name + " is " + wanted + ", not " + text);
        }
    }

    private static double finite(String text) {
        double value = Double.parseDouble(text);
        if (!Double.isFinite(value)) {
            throw new NumberFormatException(text);
        }
        return value;
    }

    private static boolean bool(String text) {
        return switch (text) {
            case "true", "yes", "on" -> true;
            case "false", "no", "off" -> false;
            default -> throw new NumberFormatException(text);
        };
    }
}
