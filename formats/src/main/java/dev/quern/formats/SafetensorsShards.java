package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.CorruptFileException;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/// A checkpoint in a directory: which file to open, the index of shards, and how tensors are spread over shards.
final class SafetensorsShards {
    private SafetensorsShards() {}

    /// The file of `directory` to open: `model.safetensors`, else the index, else the only `*.safetensors` there.
    static Path find(Path directory) {
        for (String name : List.of(Safetensors.SINGLE, Safetensors.INDEX)) {
            if (Files.exists(directory.resolve(name))) {
                return directory.resolve(name);
            }
        }
        try (Stream<Path> files = Files.list(directory)) {
            List<Path> all = files.sorted().toList();
            List<Path> candidates = all.stream()
                    .filter(f -> f.toString().endsWith(".safetensors"))
                    .toList();
            if (candidates.size() == 1) {
                return candidates.getFirst();
            }
            boolean pickled = all.stream().anyMatch(f -> f.toString().endsWith(".bin"));
            throw new QuernException(directory + ": "
                    + (candidates.isEmpty()
                            ? "no " + Safetensors.SINGLE + " or " + Safetensors.INDEX + " there"
                            : candidates.size() + " safetensors files but no " + Safetensors.INDEX
                                    + " that says which tensor lies where")
                    + (pickled ? "; .bin files are pickles, which can run code and are not read" : ""));
        } catch (IOException e) {
            throw Failures.reading(directory, e);
        }
    }

    /// Tensor name → shard file name; a shard is a plain file name beside the index.
    static Map<String, String> readIndex(Path index) {
        JsonNode map = Json.read(index).path("weight_map");
        if (!map.isObject()) {
            throw new CorruptFileException(index, 0, "no object weight_map");
        }
        Map<String, String> shards = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : map.properties()) {
            String shard = field.getValue().isTextual() ? field.getValue().asText() : "";
            if (!isPlainFileName(shard)) {
                throw new CorruptFileException(
                        index,
                        0,
                        "tensor " + field.getKey() + " is said to lie in " + field.getValue()
                                + ", which is no plain file name beside the index");
            }
            if (!Files.isRegularFile(index.resolveSibling(shard))) {
                throw new QuernException(index.resolveSibling(shard) + ": this shard is missing, though " + index
                        + " names it; fetch it again");
            }
            shards.put(field.getKey(), shard);
        }
        return shards;
    }

    private static boolean isPlainFileName(String name) {
        return name.endsWith(".safetensors")
                && name.indexOf('/') < 0
                && name.indexOf('\\') < 0
                && name.indexOf(':') < 0
                && name.indexOf('\0') < 0
                && !name.startsWith(".");
    }

    static void write(OutputDirectory out, List<TensorPlan> plans, long maxShardBytes, Map<String, String> metadata) {
        List<List<TensorPlan>> shards = split(plans, maxShardBytes);
        if (shards.size() == 1) {
            SafetensorsWriter writer = new SafetensorsWriter(plans, metadata);
            out.add(Safetensors.SINGLE, writer.bytes(), writer::writeTo);
            out.remove(Safetensors.INDEX);
            return;
        }
        ObjectNode map = Json.object();
        long total = 0;
        for (int i = 0; i < shards.size(); i++) {
            String name = String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
            SafetensorsWriter writer = new SafetensorsWriter(shards.get(i), metadata);
            out.add(name, writer.bytes(), writer::writeTo);
            for (TensorPlan plan : shards.get(i)) {
                map.put(plan.name(), name);
                total += plan.bytes();
            }
        }
        ObjectNode index = Json.object();
        index.putObject("metadata").put("total_size", total);
        index.set("weight_map", map);
        out.add(Safetensors.INDEX, Json.pretty(index));
        out.remove(Safetensors.SINGLE);
    }

    private static List<List<TensorPlan>> split(List<TensorPlan> plans, long maxShardBytes) {
        List<List<TensorPlan>> shards = new ArrayList<>();
        List<TensorPlan> shard = new ArrayList<>();
        long bytes = 0;
        for (TensorPlan plan : plans) {
            if (!shard.isEmpty() && bytes + plan.bytes() > maxShardBytes) {
                shards.add(shard);
                shard = new ArrayList<>();
                bytes = 0;
            }
            shard.add(plan);
            bytes += plan.bytes();
        }
        shards.add(shard);
        return shards;
    }
}
