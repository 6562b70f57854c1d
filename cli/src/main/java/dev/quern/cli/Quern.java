package dev.quern.cli;

import java.io.InputStream;
import java.io.PrintStream;

/// The program that `./quern` starts.
public final class Quern {
    private static final int COLUMNS = 80;

    private Quern() {}

    public static void main(String[] args) {
        Console console = Console.ofProcess();
        // Libraries of others print there too: what is on the real stderr stays in order.
        System.setErr(console.err());
        int exitCode = Cli.run(console, args);
        console.err().flush();
        System.exit(exitCode);
    }

    /// Runs one command line in this process on streams that are no terminals; returns its exit code.
    public static int run(InputStream in, PrintStream out, PrintStream err, String... args) {
        return Cli.run(new Console(in, out, err, false, false, false, COLUMNS), args);
    }
}
