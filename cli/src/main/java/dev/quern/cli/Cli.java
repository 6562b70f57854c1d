package dev.quern.cli;

import dev.quern.core.Nearest;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// The parser of all commands and what it does with errors.
final class Cli {
    private Cli() {}

    /// Runs one command line and returns its exit code: 0 done, 1 failed, 2 wrong usage.
    static int run(Console console, String... args) {
        CommandLine line = commands(console, args);
        // picocli prints help itself, and would treat a closed stdout as a bug of ours: it prints into a string
        StringWriter help = new StringWriter();
        line.setOut(new PrintWriter(help));
        try {
            int exitCode = line.execute(args);
            console.out().print(help);
            console.out().flush();
            return exitCode;
        } catch (StreamClosedException | Error e) {
            // picocli hands on exceptions of commands only
            return Failure.of(e).print(console.err(), e, List.of(args).contains("-v"));
        }
    }

    /// Every command by its name, in the order of the help.
    private static Map<String, Function<Console, Object>> factories() {
        Map<String, Function<Console, Object>> all = new LinkedHashMap<>();
        all.put("inspect", InspectCommand::new);
        all.put("quantize", QuantizeCommand::new);
        all.put("eval", EvalCommand::new);
        all.put("generate", GenerateCommand::new);
        all.put("bench", BenchCommand::new);
        all.put("convert", ConvertCommand::new);
        all.put("pull", PullCommand::new);
        all.put("verify", VerifyCommand::new);
        all.put("imatrix", ImatrixCommand::new);
        all.put("tune", TuneCommand::new);
        all.put("doctor", DoctorCommand::new);
        all.put("demo", DemoCommand::new);
        all.put("train-demo", TrainDemoCommand::new);
        return all;
    }

    /// Where `args` begin with a command, that one alone: reading the declarations of all takes some tenths of a
    /// second.
    static CommandLine commands(Console console, String... args) {
        Map<String, Function<Console, Object>> all = factories();
        Function<Console, Object> asked = args.length == 0 ? null : all.get(args[0]);
        return commands(console, asked == null ? all : Map.of(args[0], asked));
    }

    private static CommandLine commands(Console console, Map<String, Function<Console, Object>> factories) {
        CommandLine line = new CommandLine(new RootCommand());
        factories.forEach((name, factory) -> line.addSubcommand(name, factory.apply(console)));
        line.setDefaultValueProvider(new Threads.Defaults());
        line.setUsageHelpWidth(Math.clamp(console.columns(), 80, 120));
        line.setParameterExceptionHandler((e, _) -> wrongUsage(console, e));
        line.setExecutionExceptionHandler((e, command, _) -> Failure.of(e).print(console.err(), e, isVerbose(command)));
        return line;
    }

    private static boolean isVerbose(CommandLine command) {
        return command.getParseResult() != null && command.getParseResult().hasMatchedOption("--verbose");
    }

    private static int wrongUsage(Console console, ParameterException e) {
        CommandLine command = e.getCommandLine();
        String help = "see " + command.getCommandSpec().qualifiedName() + " --help";
        String message = e instanceof UnmatchedArgumentException unmatched
                ? unknown(command, unmatched)
                : String.valueOf(e.getMessage());
        String separator = message.endsWith("?") ? " " : "; ";
        return new Failure(message + separator + help, 2).print(console.err(), e, false);
    }

    private static String unknown(CommandLine command, UnmatchedArgumentException e) {
        String word = e.getUnmatched().getFirst();
        boolean option = word.startsWith("-");
        List<String> known = new ArrayList<>();
        if (option) {
            word = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
            command.getCommandSpec().options().forEach(o -> known.addAll(List.of(o.names())));
        } else {
            command.getSubcommands().forEach((name, sub) -> {
                if (!sub.getCommandSpec().usageMessage().hidden()) {
                    known.add(name);
                }
            });
        }
        Optional<String> nearest = Nearest.of(word, known);
        String kind = option ? "unknown option " : known.isEmpty() ? "unexpected argument " : "unknown command ";
        return kind + word + nearest.map(n -> "; did you mean " + n + "?").orElse("");
    }
}
