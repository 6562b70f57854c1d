package dev.quern.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/// `--adapter`, for the commands that run or convert a model.
final class AdapterOption {
    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            showDefaultValue = Visibility.NEVER,
            description = "A LoRA adapter in PEFT's layout, applied on top of MODEL.")
    @Nullable
    Path folder;

    Optional<Path> folder() {
        return Optional.ofNullable(folder);
    }
}
