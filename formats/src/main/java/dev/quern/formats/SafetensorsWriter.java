package dev.quern.formats;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Lays out one safetensors file. The header is padded with spaces so that the data starts at a multiple of 64;
/// tensors keep their order unless that would leave one off the boundary of its element type, then wider types go
/// first.
final class SafetensorsWriter {
    private static final int ALIGNMENT = 64;
    private static final JsonFactory JSON = new JsonFactory();

    private final List<TensorPlan> plans;
    private final byte[] header;

    SafetensorsWriter(List<TensorPlan> plans, Map<String, String> metadata) {
        Set<String> names = new HashSet<>();
        for (TensorPlan plan : plans) {
            if (!names.add(plan.name()) || plan.name().equals("__metadata__")) {
                throw new QuernException("two tensors to be written are called " + plan.name());
            }
        }
        this.plans = ordered(plans);
        this.header = header(this.plans, metadata);
    }

    /// Bytes of the whole file.
    long bytes() {
        return 8 + header.length + plans.stream().mapToLong(TensorPlan::bytes).sum();
    }

    void writeTo(OutputFile out) throws IOException {
        byte[] length = new byte[8];
        java.lang.foreign.MemorySegment.ofArray(length).set(Tensor.LONG, 0, header.length);
        out.write(length);
        out.write(header);
        for (TensorPlan plan : plans) {
            Tensor tensor = plan.data().get();
            if (tensor.dtype() != plan.dtype() || !tensor.shape().equals(plan.shape())) {
                throw new IllegalStateException(plan.name() + " was planned as " + plan.dtype() + " " + plan.shape()
                        + " and came as " + tensor.dtype() + " " + tensor.shape());
            }
            out.write(tensor.data());
        }
    }

    private static List<TensorPlan> ordered(List<TensorPlan> plans) {
        long at = 0;
        for (TensorPlan plan : plans) {
            if (at % plan.dtype().bytes() != 0) {
                return plans.stream()
                        .sorted(Comparator.comparingInt(p -> -p.dtype().bytes()))
                        .toList();
            }
            at += plan.bytes();
        }
        return List.copyOf(plans);
    }

    private static byte[] header(List<TensorPlan> plans, Map<String, String> metadata) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart("__metadata__");
                for (Map.Entry<String, String> entry : new TreeMap<>(metadata).entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long at = 0;
            for (TensorPlan plan : plans) {
                json.writeObjectFieldStart(plan.name());
                json.writeStringField("dtype", plan.dtype().name());
                json.writeFieldName("shape");
                json.writeArray(plan.shape().sizes(), 0, plan.shape().rank());
                json.writeFieldName("data_offsets");
                json.writeArray(new long[] {at, at + plan.bytes()}, 0, 2);
                json.writeEndObject();
                at += plan.bytes();
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new IllegalStateException("writing to memory failed", e);
        }
        int padded = Math.ceilDiv(8 + bytes.size(), ALIGNMENT) * ALIGNMENT - 8;
        byte[] header = Arrays.copyOf(bytes.toByteArray(), padded);
        Arrays.fill(header, bytes.size(), padded, (byte) ' ');
        if (header.length > SafetensorsHeader.MAX_BYTES) {
            throw new QuernException("a safetensors header of " + header.length + " bytes is above the limit of "
                    + SafetensorsHeader.MAX_BYTES + "; write smaller shards");
        }
        return header;
    }
}
