package dev.quern.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.formats.Json;
import java.io.PrintStream;

/// The one JSON object that `--json` prints.
final class JsonOut {
    private JsonOut() {}

    static void print(PrintStream out, JsonNode object) {
        out.print(Json.pretty(object));
        out.flush();
    }
}
