package dev.quern.cli;

import dev.quern.core.QuernException;
import dev.quern.demo.DemoModel;
import dev.quern.hub.HubCache;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Parameters;

/// MODEL as written on the command line.
final class ModelArgument {
    @Parameters(
            paramLabel = "MODEL",
            description = "A directory, a .gguf file, 'demo' or a hub id.",
            showDefaultValue = Visibility.NEVER)
    String text = "";

    /// The directory or file it stands for: `demo`, a path, or a hub id in the local cache.
    Path resolve() {
        return resolve(text);
    }

    /// The same for a model that another option names.
    static Path resolve(String text) {
        return resolve(text, HubCache.of(System.getenv()));
    }

    /// The name comes first: a checkout of Quern has a folder `demo`, which is written `./demo`.
    static Path resolve(String text, HubCache cache) {
        if (text.equals("demo")) {
            return DemoModel.directory();
        }
        try {
            Path path = Path.of(text);
            if (!text.isEmpty() && Files.exists(path)) {
                return path;
            }
        } catch (InvalidPathException e) {
            throw new QuernException(text + ": not a path: " + e.getReason(), e);
        }
        return cache.find(text)
                .orElseThrow(() -> new QuernException((text.isEmpty() ? "''" : text)
                        + ": no such file or directory; MODEL is a directory with config.json, a .gguf file, 'demo' or"
                        + " a hub id org/name"));
    }
}
