package dev.quern.bench;

import java.io.IOException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/// Runs JMH over every kernel of `Kernels.ALL`; the arguments are JMH's own.
public final class Benchmarks {
    private Benchmarks() {}

    /// `-p weight=block:Q4_K` and the like narrow the parameters; without it all kernels and encodings run.
    public static void main(String[] arguments) throws RunnerException, CommandLineOptionException, IOException {
        CommandLineOptions asked = new CommandLineOptions(arguments);
        if (asked.shouldHelp()) {
            asked.showHelp();
            return;
        }
        OptionsBuilder options = new OptionsBuilder();
        options.parent(asked);
        if (!asked.getParameter("weight").hasValue()) {
            options.param("weight", LinearBenchmark.weights().toArray(String[]::new));
        }
        Runner runner = new Runner(options.build());
        if (asked.shouldList()) {
            runner.list();
        } else {
            runner.run();
        }
    }
}
