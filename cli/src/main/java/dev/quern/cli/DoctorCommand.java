package dev.quern.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.QuernException;
import dev.quern.demo.DemoModel;
import dev.quern.formats.Json;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.MemoryBandwidth;
import dev.quern.kernels.VectorWidth;
import dev.quern.kernels.Workers;
import dev.quern.text.Tokenizer;
import dev.quern.torch.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `quern doctor`: what Quern finds on this machine.
@Command(
        name = "doctor",
        sortOptions = false,
        showDefaultValues = true,
        header = "Shows what Quern finds on this machine: JVM, processor, memory, libraries.",
        description = "Fails where a library that Quern needs does not load.")
final class DoctorCommand implements Callable<Integer> {
    /// Overrides what OpenBLAS finds the processor to be.
    private static final String CORE_TYPE = "OPENBLAS_CORETYPE";

    private final Console console;

    @Mixin
    Threads threads = new Threads();

    @Mixin
    Common common = new Common();

    DoctorCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        List<String> broken = new ArrayList<>();
        ObjectNode facts = facts(broken);
        if (common.json) {
            JsonOut.print(console.out(), facts);
        } else {
            print(facts);
        }
        if (!broken.isEmpty()) {
            throw new QuernException(
                    "does not load here: " + String.join(", ", broken) + "; see the reasons above, -v prints more");
        }
        return 0;
    }

    private ObjectNode facts(List<String> broken) {
        ObjectNode facts = Json.object();
        facts.put("quern", new RootCommand.Version().getVersion()[0].replace("quern ", ""));
        facts.putObject("jvm")
                .put("version", Runtime.version().toString())
                .put("vendor", System.getProperty("java.vendor"))
                .put("home", System.getProperty("java.home"))
                .put("heap_bytes", Runtime.getRuntime().maxMemory());
        facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        facts.put("processor", Machine.processorName());
        facts.put("processors", Machine.processors());
        facts.put("cores", Machine.cores());
        facts.put("vector_bits", VectorWidth.BITS);
        facts.put("vector", VectorWidth.describe());
        facts.put("machine_code", Kernels.machineCode());
        ArrayNode kernels = facts.putArray("kernels");
        Kernels.usable().forEach(kernel -> kernels.add(kernel.name()));
        facts.put("memory_bytes", Machine.memoryBytes());
        try (Workers workers = Workers.of(threads.count())) {
            facts.put("memory_bandwidth_bytes_per_second", MemoryBandwidth.measure(workers));
        }
        ObjectNode libraries = facts.putObject("libraries");
        ObjectNode torch = library("libtorch", broken, Torch::version);
        if (torch.path("loads").asBoolean()) {
            Torch.blasCore().ifPresent(core -> torch.put("products_for", core));
        }
        libraries.set("libtorch", torch);
        libraries.set("tokenizers", library("tokenizers", broken, () -> {
            Tokenizer.load();
            return "";
        }));
        facts.putArray("devices").add("cpu");
        facts.put("demo_model", DemoModel.exists());
        return facts;
    }

    /// A library that does not load is a finding, not the end of the report.
    private ObjectNode library(String name, List<String> broken, Supplier<String> load) {
        ObjectNode facts = Json.object();
        try {
            String version = load.get();
            facts.put("loads", true);
            if (!version.isEmpty()) {
                facts.put("version", version);
            }
        } catch (QuernException | LinkageError e) {
            broken.add(name);
            facts.put("loads", false).put("error", String.valueOf(e.getMessage()));
            if (common.verbose) {
                e.printStackTrace(console.err());
            }
        }
        return facts;
    }

    private void print(ObjectNode facts) {
        line("quern", facts.path("quern").asText());
        JsonNode jvm = facts.path("jvm");
        line(
                "JVM",
                jvm.path("version").asText() + ", " + jvm.path("vendor").asText() + ", heap up to "
                        + ByteSize.print(jvm.path("heap_bytes").asDouble()));
        line("system", facts.path("system").asText());
        line(
                "processor",
                facts.path("processor").asText() + ", "
                        + facts.path("processors").asInt() + " processors, "
                        + facts.path("cores").asInt() + " cores");
        line("vectors", facts.path("vector").asText());
        line("code", facts.path("machine_code").asText());
        line("kernels", words(facts.path("kernels")));
        line(
                "memory",
                ByteSize.print(facts.path("memory_bytes").asDouble()) + ", reads "
                        + ByteSize.print(
                                facts.path("memory_bandwidth_bytes_per_second").asDouble())
                        + "/s with " + threads.count + (threads.count == 1 ? " thread" : " threads"));
        facts.path("libraries")
                .properties()
                .forEach(library -> line("library", library.getKey() + ": " + found(library.getValue())));
        line("devices", words(facts.path("devices")));
        line("demo model", facts.path("demo_model").asBoolean() ? "yes" : "none in this build");
    }

    private static String found(JsonNode library) {
        if (!library.path("loads").asBoolean()) {
            return "does not load: " + library.path("error").asText();
        }
        String core = library.path("products_for").asText();
        String forced = System.getenv(CORE_TYPE);
        return ("found " + library.path("version").asText()).strip()
                + (core.isEmpty() ? "" : ", matrix products for " + core)
                + (core.isEmpty() || forced == null
                        ? ""
                        : " as " + CORE_TYPE + " says; a newer processor quantizes faster without it");
    }

    private static String words(JsonNode list) {
        return list.valueStream().map(JsonNode::asText).collect(Collectors.joining(", "));
    }

    private void line(String name, String value) {
        console.out().println(String.format(Locale.ROOT, "%-10s  %s", name, value));
    }
}
