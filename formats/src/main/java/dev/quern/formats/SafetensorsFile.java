package dev.quern.formats;

import dev.quern.core.DType;
import dev.quern.core.Tensor;
import dev.quern.core.TensorSource;
import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// An open safetensors checkpoint, one file or several shards: owns the memory map, tensors are views of it.
public final class SafetensorsFile implements CheckpointFile, TensorSource {
    /// One file's map with its header.
    private record Part(MappedFile file, SafetensorsHeader header) {}

    private final Arena arena;
    private final Map<String, Part> parts = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafetensorsFile(Arena arena) {
        this.arena = arena;
    }

    // the arena is the opened file's, which closes it
    @SuppressWarnings("MustBeClosed")
    static SafetensorsFile open(Path path) {
        SafetensorsFile opened = new SafetensorsFile(Arena.ofShared());
        try {
            Path file = Files.isDirectory(path) ? SafetensorsShards.find(path) : path;
            if (file.toString().endsWith(".index.json")) {
                opened.addShards(file);
            } else {
                Part part = opened.part(file);
                part.header().entries().keySet().forEach(name -> opened.parts.put(name, part));
            }
            return opened;
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    private void addShards(Path index) {
        Map<String, Part> shards = new LinkedHashMap<>();
        SafetensorsShards.readIndex(index).forEach((name, shard) -> {
            Part part = shards.computeIfAbsent(shard, s -> part(index.resolveSibling(s)));
            if (!part.header().entries().containsKey(name)) {
                throw part.file().corrupt(8, "tensor " + name + " is missing, though " + index + " says it lies here");
            }
            parts.put(name, part);
        });
    }

    private Part part(Path file) {
        MappedFile mapped = MappedFile.map(file, arena);
        SafetensorsHeader header = SafetensorsHeader.read(mapped);
        metadata.putAll(header.metadata());
        return new Part(mapped, header);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(parts.keySet());
    }

    /// True where a tensor of that name exists.
    public boolean has(String name) {
        return parts.containsKey(name);
    }

    @Override
    public Tensor tensor(String name) {
        Part part = part(name);
        SafetensorsEntry entry = entry(part, name);
        DType dtype = entry.dtype()
                .orElseThrow(() -> new UnsupportedModelException(part.file().path() + ": tensor " + name
                        + " has the element type " + entry.dtypeName() + ", which Quern does not read"));
        long from = part.header().dataStart() + entry.begin();
        return new Tensor(dtype, entry.shape(), part.file().data().asSlice(from, entry.bytes()));
    }

    /// The file that holds the tensor: the path to name in an error about it.
    public Path path(String name) {
        return part(name).file().path();
    }

    /// The free strings of the header (`format` = `pt` says that PyTorch's tools may load it).
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public List<StoredTensor> stored() {
        List<StoredTensor> all = new ArrayList<>(parts.size());
        parts.forEach((name, part) -> {
            SafetensorsEntry entry = entry(part, name);
            all.add(new StoredTensor(name, entry.dtypeName(), entry.shape(), entry.bytes()));
        });
        return all;
    }

    @Override
    public void close() {
        arena.close();
    }

    private Part part(String name) {
        Part part = parts.get(name);
        if (part == null) {
            throw new IllegalArgumentException("no tensor " + name);
        }
        return part;
    }

    private static SafetensorsEntry entry(Part part, String name) {
        SafetensorsEntry entry = part.header().entries().get(name);
        if (entry == null) {
            throw new IllegalStateException("a part without its tensor " + name);
        }
        return entry;
    }
}
