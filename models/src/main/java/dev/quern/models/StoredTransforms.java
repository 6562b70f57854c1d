package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.ActivationScheme;
import dev.quern.core.DType;
import dev.quern.core.QuantParams;
import dev.quern.core.QuernException;
import dev.quern.core.Shape;
import dev.quern.core.Tensor;
import dev.quern.formats.SafetensorsFile;
import dev.quern.formats.TensorPlan;
import java.util.ArrayList;
import java.util.List;

/// The tensors of an entry of `QuernConfig`, beside its first module: `input_transform.0 …`, the range of a static
/// scheme under `input_range`, exact columns under `input_exact`.
final class StoredTransforms {
    private StoredTransforms() {}

    /// The input that `entry` describes, for a Linear of `linear`'s size.
    static LinearInput read(SafetensorsFile file, JsonNode entry, ActivationScheme scheme, Linear linear) {
        String module = entry.path("modules").path(0).asText();
        int n = linear.inFeatures();
        List<InputTransform> transforms = new ArrayList<>();
        for (JsonNode transform : entry.path("transforms")) {
            String name = module + ".input_transform." + transforms.size();
            transforms.add(transform(file, name, transform, n));
        }
        QuantParams range = null;
        if (scheme.quantizes() && !scheme.dynamic()) {
            float[] pair = tensor(file, module + ".input_range", DType.F32, 2).toFloats();
            if (!(pair[0] > 0) || pair[0] == Float.POSITIVE_INFINITY || !(pair[1] >= 0 && pair[1] <= scheme.qmax())) {
                throw new QuernException(
                        module + ".input_range: scale " + pair[0] + " and zero point " + pair[1] + " make no grid");
            }
            range = new QuantParams(pair[0], (int) pair[1]);
        }
        return new LinearInput(transforms, scheme, range, exact(file, module + ".input_exact", n));
    }

    private static int[] exact(SafetensorsFile file, String name, int n) {
        if (!file.has(name)) {
            return new int[0];
        }
        Tensor tensor = file.tensor(name);
        if (tensor.dtype() != DType.I32 || tensor.shape().rank() != 1) {
            throw new QuernException(name + " is " + tensor.dtype() + " " + tensor.shape() + ", expected I32");
        }
        int[] columns = tensor.toInts();
        for (int i = 0; i < columns.length; i++) {
            if (columns[i] < 0 || columns[i] >= n || i > 0 && columns[i] <= columns[i - 1]) {
                throw new QuernException(name + ": input " + columns[i] + " is out of order or not below " + n);
            }
        }
        return columns;
    }

    private static InputTransform transform(SafetensorsFile file, String name, JsonNode json, int n) {
        String type = json.path("type").asText("unnamed");
        return switch (type) {
            case "diagonal" -> new InputTransform.Diagonal(floats(file, name, n));
            case "hadamard" -> hadamard(name, tensor(file, name, DType.I8, n).toFloats());
            case "full" -> new InputTransform.Full(n, floats(file, name, n, n));
            case "kronecker" -> {
                int n1 = json.path("sizes").path(0).asInt();
                int n2 = json.path("sizes").path(1).asInt();
                if (n1 < 1 || n2 < 1 || (long) n1 * n2 != n) {
                    throw new QuernException(name + ": sizes " + json.path("sizes") + " do not multiply to " + n);
                }
                yield new InputTransform.Kronecker(
                        n1, floats(file, name + ".left", n1, n1), n2, floats(file, name + ".right", n2, n2));
            }
            default ->
                throw new QuernException(name + ": transform " + type
                        + " is not known; diagonal, hadamard, kronecker and full are; a newer Quern wrote this model");
        };
    }

    private static InputTransform.Hadamard hadamard(String name, float[] signs) {
        for (float sign : signs) {
            if (sign != 1 && sign != -1) {
                throw new QuernException(name + ": a sign is 1 or -1, not " + sign);
            }
        }
        return new InputTransform.Hadamard(signs);
    }

    private static float[] floats(SafetensorsFile file, String name, long... shape) {
        float[] values = tensor(file, name, DType.F32, shape).toFloats();
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new QuernException(name + " holds " + value);
            }
        }
        return values;
    }

    private static Tensor tensor(SafetensorsFile file, String name, DType dtype, long... shape) {
        if (!file.has(name)) {
            throw new QuernException("tensor " + name + " is missing from the checkpoint");
        }
        Tensor tensor = file.tensor(name);
        if (tensor.dtype() != dtype || !tensor.shape().equals(new Shape(shape))) {
            throw new QuernException(name + " is " + tensor.dtype() + " " + tensor.shape() + ", expected " + dtype + " "
                    + new Shape(shape));
        }
        return tensor;
    }

    /// Adds the transforms' names to an entry.
    static void describe(LinearInput input, ObjectNode entry) {
        if (input.transforms().isEmpty()) {
            return;
        }
        ArrayNode array = entry.putArray("transforms");
        for (InputTransform transform : input.transforms()) {
            switch (transform) {
                case InputTransform.Diagonal _ -> array.addObject().put("type", "diagonal");
                case InputTransform.Hadamard _ -> array.addObject().put("type", "hadamard");
                case InputTransform.Full _ -> array.addObject().put("type", "full");
                case InputTransform.Kronecker k ->
                    array.addObject()
                            .put("type", "kronecker")
                            .putArray("sizes")
                            .add(k.n1())
                            .add(k.n2());
            }
        }
    }

    /// The tensors of an input whose first module is `module`.
    static List<TensorPlan> plans(String module, LinearInput input) {
        List<TensorPlan> plans = new ArrayList<>();
        for (int i = 0; i < input.transforms().size(); i++) {
            String name = module + ".input_transform." + i;
            switch (input.transforms().get(i)) {
                case InputTransform.Diagonal(float[] factors) ->
                    plans.add(TensorPlan.of(name, Tensor.of(factors, factors.length)));
                case InputTransform.Hadamard(float[] signs) -> {
                    byte[] bytes = new byte[signs.length];
                    for (int s = 0; s < bytes.length; s++) {
                        bytes[s] = (byte) signs[s];
                    }
                    plans.add(TensorPlan.of(name, Tensor.of(bytes, bytes.length)));
                }
                case InputTransform.Full(int n, float[] matrix) ->
                    plans.add(TensorPlan.of(name, Tensor.of(matrix, n, n)));
                case InputTransform.Kronecker(int n1, float[] left, int n2, float[] right) -> {
                    plans.add(TensorPlan.of(name + ".left", Tensor.of(left, n1, n1)));
                    plans.add(TensorPlan.of(name + ".right", Tensor.of(right, n2, n2)));
                }
            }
        }
        QuantParams range = input.range();
        if (range != null) {
            float[] pair = {range.scale(), range.zeroPoint()};
            plans.add(TensorPlan.of(module + ".input_range", Tensor.of(pair, 2)));
        }
        if (input.exact().length > 0) {
            plans.add(TensorPlan.of(module + ".input_exact", Tensor.of(input.exact(), input.exact().length)));
        }
        return plans;
    }
}
