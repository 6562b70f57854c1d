package dev.quern.cli;

import dev.quern.core.UsageException;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Option;

/// How many threads compute.
final class Threads {
    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads that compute (default: ${DEFAULT-VALUE}, this machine's cores).",
            showDefaultValue = picocli.CommandLine.Help.Visibility.NEVER)
    int count;

    /// The option's value; throws `UsageException` where it is not positive.
    int count() {
        if (count < 1 || count > 4096) {
            throw new UsageException("--threads is 1 to 4096, not " + count);
        }
        return count;
    }

    /// The defaults that depend on the machine.
    static final class Defaults implements IDefaultValueProvider {
        @Override
        public String defaultValue(ArgSpec argument) {
            return argument.isOption() && argument.paramLabel().equals("N") && isThreads(argument)
                    ? Integer.toString(Machine.cores())
                    : argument.defaultValue();
        }

        private static boolean isThreads(ArgSpec argument) {
            return argument instanceof picocli.CommandLine.Model.OptionSpec option
                    && option.longestName().equals("--threads");
        }
    }
}
