package dev.quern.formats;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/// Finds the shared folder that lies beside the project; a test that needs it is skipped where it is absent.
final class SharedFolder {
    private SharedFolder() {}

    static Path require(String inside) {
        Path found = root().resolve(inside);
        Assumptions.assumeTrue(Files.exists(found), "needs ../shared/" + inside + ", which is not here");
        return found;
    }

    private static Path root() {
        String told = System.getProperty("QUERN_SHARED", System.getenv().getOrDefault("QUERN_SHARED", ""));
        if (!told.isEmpty()) {
            return Path.of(told);
        }
        Path folder = Path.of("").toAbsolutePath();
        while (folder != null && !Files.exists(folder.resolve(".git"))) {
            folder = folder.getParent();
        }
        return folder == null ? Path.of("shared") : folder.resolveSibling("shared");
    }
}
