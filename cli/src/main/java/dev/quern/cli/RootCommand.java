package dev.quern.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `quern` alone: the list of commands.
@Command(
        name = "quern",
        versionProvider = RootCommand.Version.class,
        sortOptions = false,
        synopsisSubcommandLabel = "COMMAND",
        header = "Quantizes language models, measures what that cost, and runs them on the JVM.",
        footer = {
            "",
            "MODEL is a directory with config.json and *.safetensors, a .gguf file, 'demo'",
            "(the tiny model that ships with Quern), or a hub id org/name[@revision] that was",
            "fetched with pull.",
            "",
            "Results go to stdout, progress and warnings to stderr; --json prints one",
            "JSON object.",
            "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.",
            "",
            "Start with: quern demo",
            "A command's options: quern COMMAND --help"
        })
final class RootCommand implements Runnable {
    @Spec
    CommandSpec spec = CommandSpec.create();

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version.")
    boolean version;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = RootCommand.class.getPackage().getImplementationVersion();
            return new String[] {"quern " + (version == null ? "development" : version)};
        }
    }
}
