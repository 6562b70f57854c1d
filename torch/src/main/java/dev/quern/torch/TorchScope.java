package dev.quern.torch;

import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;

/// The lifetime of native tensors: all that a thread makes inside a scope is freed when the scope ends.
///
/// Scopes nest (model ⊃ block ⊃ step) and belong to the thread that opened them: a worker opens its own. What leaves a
/// scope is Java data; `keep` hands tensors to the scope around, `TorchTensor.retain` makes one outlive all scopes.
/// Factories of `TorchTensor` throw where no scope is open.
public final class TorchScope {
    private TorchScope() {}

    /// Runs `body` in a new scope and returns its result, which holds no tensor.
    public static <R extends @Nullable Object> R call(Supplier<R> body) {
        Torch.load();
        try (PointerScope _ = new PointerScope()) {
            R result = body.get();
            if (result instanceof TorchTensor) {
                throw new IllegalStateException("a tensor does not outlive its scope: use TorchScope.keep");
            }
            return result;
        }
    }

    /// Runs `body` in a new scope.
    public static void run(Runnable body) {
        Torch.load();
        try (PointerScope _ = new PointerScope()) {
            body.run();
        }
    }

    /// Runs `body` in a new scope and moves its result to the scope around it.
    public static TorchTensor keep(Supplier<TorchTensor> body) {
        return keepAll(() -> List.of(body.get())).getFirst();
    }

    /// Runs `body` in a new scope and moves its results to the scope around it.
    public static List<TorchTensor> keepAll(Supplier<List<TorchTensor>> body) {
        PointerScope outer = requireOpen();
        try (PointerScope _ = new PointerScope()) {
            List<TorchTensor> results = body.get();
            for (TorchTensor result : results) {
                // Attaching moves the pointer: its former scope forgets it.
                outer.attach(result.raw());
            }
            return results;
        }
    }

    /// The innermost open scope of this thread; throws where there is none.
    static PointerScope requireOpen() {
        PointerScope scope = PointerScope.getInnerScope();
        if (scope == null) {
            throw new IllegalStateException("tensors are made inside TorchScope.call or TorchScope.run only");
        }
        return scope;
    }
}
