package dev.quern.formats;

import dev.quern.core.BlockWeight;
import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Tensor;
import dev.quern.core.UnsupportedModelException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// An open GGUF file: owns the memory map, weights are views of it.
public final class GgufFile implements CheckpointFile {
    private final Arena arena;
    private final MappedFile file;
    private final Map<String, Object> metadata;
    private final Map<String, GgufTensor> tensors = new LinkedHashMap<>();

    private GgufFile(Arena arena, MappedFile file, GgufHeader header) {
        this.arena = arena;
        this.file = file;
        this.metadata = Collections.unmodifiableMap(header.metadata());
        header.tensors().forEach(t -> tensors.put(t.name(), t));
    }

    // the arena is the opened file's, which closes it
    @SuppressWarnings("MustBeClosed")
    static GgufFile open(Path path) {
        Arena arena = Arena.ofShared();
        try {
            MappedFile file = MappedFile.map(path, arena);
            return new GgufFile(arena, file, GgufHeader.read(file));
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// The file's path.
    public Path path() {
        return file.path();
    }

    /// Metadata in the order of the file: String, Long, Double or Boolean, or a List of one of these (numbers
    /// backed by a primitive array). A u64 above 2^63 is a BigInteger.
    public Map<String, Object> metadata() {
        return metadata;
    }

    /// The tensors in the order of the file.
    public List<GgufTensor> tensors() {
        return List.copyOf(tensors.values());
    }

    /// True where a tensor of that name exists.
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /// The matrix called `name` as it is stored, a view.
    public PackedWeight weight(String name) {
        GgufTensor tensor = require(name);
        if (tensor.shape().rank() != 2) {
            throw file.corrupt(tensor.offset(), "tensor " + name + " " + tensor.shape() + " is no matrix");
        }
        if (tensor.shape().sizes()[0] > Integer.MAX_VALUE || tensor.shape().sizes()[1] > Integer.MAX_VALUE) {
            throw new UnsupportedModelException(path() + ": tensor " + name + " " + tensor.shape() + " is too large");
        }
        return tensor.type()
                .blockType()
                .<PackedWeight>map(type -> new BlockWeight(
                        type, tensor.shape().dim(0), tensor.shape().dim(1), data(tensor)))
                .orElseGet(() -> new DenseWeight(floats(tensor)));
    }

    /// The tensor called `name`, of a plain element type, a view.
    public Tensor dense(String name) {
        GgufTensor tensor = require(name);
        DType dtype = tensor.type().dtype().orElseThrow(() -> unsupported(tensor));
        return new Tensor(dtype, tensor.shape(), data(tensor));
    }

    @Override
    public List<StoredTensor> stored() {
        return tensors.values().stream()
                .map(t -> new StoredTensor(t.name(), t.typeName(), t.shape(), t.bytes()))
                .toList();
    }

    @Override
    public void close() {
        arena.close();
    }

    private Tensor floats(GgufTensor tensor) {
        Tensor dense = dense(tensor.name());
        return switch (dense.dtype()) {
            case F32, F16, BF16 -> dense;
            case F64, I64, I32, I16, I8, U8, BOOL -> throw unsupported(tensor);
        };
    }

    private UnsupportedModelException unsupported(GgufTensor tensor) {
        return new UnsupportedModelException(path() + ": tensor " + tensor.name() + " has type " + tensor.typeName()
                + " (id " + tensor.typeId() + "), which Quern cannot decode to weights");
    }

    private MemorySegment data(GgufTensor tensor) {
        return file.data().asSlice(tensor.offset(), tensor.bytes());
    }

    private GgufTensor require(String name) {
        GgufTensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("no tensor " + name);
        }
        return tensor;
    }
}
