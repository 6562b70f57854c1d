package dev.quern.methods;

import dev.quern.core.Nearest;
import dev.quern.core.TableCodes;
import java.util.List;

/// The registry of methods.
public final class Methods {
    /// All methods, simplest first.
    public static final List<Method<?>> ALL = List.of(
            new Rtn(), //
            new Gptq(),
            new Obq(),
            new Awq(),
            new OmniQuant(),
            new AffineQuant(),
            new SmoothQuant(),
            new ZeroQuant(),
            new LlmInt8(),
            new FourBitFloat(TableCodes.Kind.NF4),
            new FourBitFloat(TableCodes.Kind.FP4),
            new Vptq());

    private Methods() {}

    /// The method called `name`; throws `UsageException` with the nearest known name.
    public static Method<?> of(String name) {
        return ALL.stream()
                .filter(method -> method.name().equals(name))
                .findFirst()
                .orElseThrow(() -> Nearest.unknown("method", name, names()));
    }

    /// The names of all methods.
    public static List<String> names() {
        return ALL.stream().<String>map(Method::name).toList();
    }
}
