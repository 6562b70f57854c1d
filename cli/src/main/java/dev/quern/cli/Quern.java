package dev.quern.cli;

/// The program that `./quern` starts.
public final class Quern {
    private Quern() {}

    public static void main(String[] args) {
        Console console = Console.ofProcess();
        // Libraries of others print there too: what is on the real stderr stays in order.
        System.setErr(console.err());
        int exitCode = Cli.run(console, args);
        console.err().flush();
        System.exit(exitCode);
    }
}
