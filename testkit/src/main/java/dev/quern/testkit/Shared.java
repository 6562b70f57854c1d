package dev.quern.testkit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Files that lie beside the project and not in it: fixtures, golden values, a real model, data.
///
/// They are looked for where the system property or variable `QUERN_SHARED` points, else in `../shared` from the
/// project's root. A test whose file is absent is skipped: `assumeThat(Shared.find("golden/x.json")).isPresent()`.
public final class Shared {
    private Shared() {}

    /// The file or folder of that name, if it is there.
    public static Optional<Path> find(String name) {
        return root().map(root -> root.resolve(name)).filter(Files::exists);
    }

    private static Optional<Path> root() {
        String named = System.getProperty("QUERN_SHARED", System.getenv("QUERN_SHARED"));
        if (named != null) {
            return Optional.of(Path.of(named));
        }
        for (@Nullable Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.exists(at.resolve(".git"))) {
                return Optional.of(at.resolveSibling("shared"));
            }
        }
        return Optional.empty();
    }
}
