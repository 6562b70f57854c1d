package dev.quern.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.KvScheme;
import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import dev.quern.formats.StoredTensor;
import dev.quern.models.Checkpoint;
import dev.quern.models.Support;
import dev.quern.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `quern inspect`: what a model is and whether Quern can work with it.
@Command(
        name = "inspect",
        sortOptions = false,
        header = "Shows what a model is, and whether Quern runs and quantizes it.",
        footer = {
            "",
            "Examples:",
            "  quern inspect demo",
            "  quern inspect model.gguf --tensors",
            "  quern inspect model --json"
        })
final class InspectCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    ModelArgument model = new ModelArgument();

    @Option(names = "--tensors", description = "List every tensor of the files.")
    boolean tensors;

    @Mixin
    Common common = new Common();

    InspectCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        try (Checkpoint checkpoint = Checkpoint.open(model.resolve())) {
            ObjectNode facts = facts(checkpoint);
            if (common.json) {
                JsonOut.print(console.out(), facts);
            } else {
                print(checkpoint, facts);
            }
        }
        return 0;
    }

    private ObjectNode facts(Checkpoint checkpoint) {
        Support support = checkpoint.support();
        long bytes =
                checkpoint.tensors().stream().mapToLong(StoredTensor::bytes).sum();
        long parameters = checkpoint.parameters();
        ObjectNode facts = Json.object()
                .put("path", checkpoint.path().toString())
                .put("format", checkpoint.format())
                .put("architecture", checkpoint.architectureName())
                .put("parameters", parameters)
                .put("bytes", bytes)
                .put("bits_per_weight", parameters == 0 ? 0 : 8.0 * bytes / parameters);
        facts.set("quantization", checkpoint.quantizationConfig().orElse(null));
        facts.put("supported", support.supported());
        support.missing().forEach(facts.putArray("missing")::add);
        encodings(checkpoint).forEach(facts.putObject("encodings")::put);
        checkpoint.activations().forEach(facts.putArray("activations")::add);
        facts.put("kv_bits", kvBits(checkpoint));
        facts.set("tokenizer", tokenizer(checkpoint));
        facts.put("chat_template", checkpoint.chatTemplate().isPresent());
        if (tensors) {
            ArrayNode list = facts.putArray("tensors");
            for (StoredTensor tensor : checkpoint.tensors()) {
                ObjectNode entry = list.addObject().put("name", tensor.name());
                for (long size : tensor.shape().sizes()) {
                    entry.withArray("shape").add(size);
                }
                entry.put("encoding", tensor.encoding()).put("bytes", tensor.bytes());
            }
        }
        return facts;
    }

    private static int kvBits(Checkpoint checkpoint) {
        return checkpoint.support().supported()
                ? KvOption.DEFAULT.on(checkpoint.weights()).kv().bits()
                : KvScheme.HALF.bits();
    }

    /// Bytes of the tensors by encoding, in the order of the file.
    private static Map<String, Long> encodings(Checkpoint checkpoint) {
        return checkpoint.tensors().stream()
                .collect(Collectors.groupingBy(
                        StoredTensor::encoding, LinkedHashMap::new, Collectors.summingLong(StoredTensor::bytes)));
    }

    /// A model without a usable tokenizer is still worth looking at: the reason takes the tokenizer's place.
    private static ObjectNode tokenizer(Checkpoint checkpoint) {
        ObjectNode facts = Json.object();
        try (Tokenizer tokenizer = checkpoint.tokenizer()) {
            facts.put("vocabulary", tokenizer.vocabSize()).put("sha256", tokenizer.sha256());
            tokenizer.bosToken().ifPresent(bos -> facts.put("bos", bos));
            tokenizer.eosTokens().stream().sorted().forEach(facts.putArray("eos")::add);
        } catch (QuernException e) {
            facts.put("error", e.getMessage());
        }
        return facts;
    }

    private void print(Checkpoint checkpoint, ObjectNode facts) {
        line("model", checkpoint.path() + " (" + checkpoint.format() + ")");
        line("architecture", facts.path("architecture").asText());
        line(
                "parameters",
                String.format(
                        java.util.Locale.ROOT, "%,d", facts.path("parameters").asLong()));
        line(
                "size",
                String.format(
                        java.util.Locale.ROOT,
                        "%s, %.3f bits per weight",
                        ByteSize.print(facts.path("bytes").asDouble()),
                        facts.path("bits_per_weight").asDouble()));
        line(
                "encodings",
                encodings(checkpoint).entrySet().stream()
                        .map(e -> e.getKey() + " " + ByteSize.print(e.getValue()))
                        .collect(Collectors.joining(", ")));
        checkpoint.quantizationConfig().ifPresent(config -> line("quantization", config.toString()));
        if (!facts.path("activations").isEmpty()) {
            line("activations", String.join("; ", checkpoint.activations()));
        }
        if (kvBits(checkpoint) < KvScheme.HALF.bits()) {
            line("KV cache", kvBits(checkpoint) + " bits");
        }
        if (facts.path("tokenizer").has("error")) {
            line("tokenizer", "none: " + facts.path("tokenizer").path("error").asText());
        } else {
            line("tokenizer", facts.path("tokenizer").path("vocabulary").asText() + " tokens");
        }
        line("chat template", facts.path("chat_template").asBoolean() ? "yes" : "no");
        Support support = checkpoint.support();
        line(
                "supported",
                support.supported()
                        ? "yes: Quern runs and quantizes it"
                        : "no, missing: " + String.join("; ", support.missing()));
        if (tensors) {
            console.out().println();
            Table table = new Table("tensor", "shape", "encoding", "size");
            for (StoredTensor tensor : checkpoint.tensors()) {
                table.row(tensor.name(), tensor.shape().toString(), tensor.encoding(), ByteSize.print(tensor.bytes()));
            }
            table.print(console.out());
        }
    }

    private void line(String name, String value) {
        console.out().println(String.format(java.util.Locale.ROOT, "%-13s  %s", name, value));
    }
}
