package dev.quern.torch;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.global.torch;

/// The native library's process-wide settings.
///
/// It starts with one thread inside each call, because whole tasks on Java threads scale better: measured on two cores
/// of a Xeon with AVX-512 (2026-11-24), a float32 product of 512×576×1536 runs at 196 GFLOP/s on one thread and twice
/// that on two Java threads with one each, while OpenBLAS's own two threads swing between 45 and 380, for they spin and
/// wait for each other as soon as something else runs. One thread inside also makes results independent of how many
/// Java threads work.
public final class Torch {
    private static final int LONGEST_NAME = 64;
    private static final Pattern VERSION = Pattern.compile("TORCH_VERSION=([0-9.]+)");

    static {
        // JavaCPP's limits count mapped model files as ours: off. They are read once, when its classes load.
        System.setProperty("org.bytedeco.javacpp.maxbytes", "0");
        System.setProperty("org.bytedeco.javacpp.maxphysicalbytes", "0");
        loadAlone();
        setThreads(1);
    }

    private Torch() {}

    /// Loads the native library, which takes a second or so the first time (more where it must be unpacked); later
    /// calls
    /// do nothing. Throws `UnsatisfiedLinkError` where there is none for this system.
    public static void load() {}

    /// One process at a time: JavaCPP maps libraries that another process has not unpacked whole yet, and the JVM dies.
    /// Where its folder cannot be locked there is nothing to unpack either, or it says so itself.
    private static void loadAlone() {
        try (FileChannel file = FileChannel.open(Loader.getCacheDir().toPath().resolve("quern.lock"), CREATE, WRITE);
                FileLock _ = file.lock()) {
            Loader.load(torch.class);
        } catch (IOException e) {
            Loader.load(torch.class);
        }
    }

    /// How many threads one call may use from now on, in every Java thread. Call it while nothing runs.
    public static void threads(int n) {
        if (n < 1) {
            throw new IllegalArgumentException("threads is at least 1, not " + n);
        }
        setThreads(n);
    }

    /// How many threads one call may use.
    public static int threads() {
        return torch.get_num_threads();
    }

    /// The library's version, for instance `2.10.0`.
    public static String version() {
        return TorchScope.call(() -> {
            Matcher version = VERSION.matcher(torch.show_config().getString());
            return version.find() ? version.group(1) : "unknown";
        });
    }

    /// The processor that matrix products are made for, as OpenBLAS names it: it finds that out itself, or believes the
    /// environment's `OPENBLAS_CORETYPE`. Empty where another library multiplies.
    public static Optional<String> blasCore() {
        return SymbolLookup.loaderLookup().find("openblas_get_corename").map(symbol -> {
            try {
                MemorySegment name = (MemorySegment) Linker.nativeLinker()
                        .downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.ADDRESS))
                        .invokeExact();
                return name.reinterpret(LONGEST_NAME).getString(0);
            } catch (Throwable e) {
                throw new IllegalStateException("openblas_get_corename failed", e);
            }
        });
    }

    /// Computes without recording gradients.
    public static <R> R noGrad(Supplier<R> body) {
        try (NoGradGuard _ = new NoGradGuard()) {
            return body.get();
        }
    }

    private static void setThreads(int n) {
        torch.set_num_threads(n);
        // libtorch leaves the BLAS library's own threads alone.
        SymbolLookup.loaderLookup().find("openblas_set_num_threads").ifPresent(symbol -> {
            try {
                Linker.nativeLinker()
                        .downcallHandle(symbol, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
                        .invokeExact(n);
            } catch (Throwable e) {
                throw new IllegalStateException("openblas_set_num_threads failed", e);
            }
        });
    }
}
