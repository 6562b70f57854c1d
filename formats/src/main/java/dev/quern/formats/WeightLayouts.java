package dev.quern.formats;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// The registry of layouts of quantized modules.
public final class WeightLayouts {
    /// Each reads the object under `quantization_config`: empty where it describes another layout, an
    /// `UnsupportedModelException` where it is this one with settings that Quern lacks.
    public static final List<Function<JsonNode, Optional<? extends WeightLayout>>> ALL = List.of(
            GptqConfig::find,
            AwqLayout::find,
            Int8Layout::find,
            PackedLayout::find,
            TableLayout::find,
            OutlierLayout::find,
            VptqConfig::find);

    private WeightLayouts() {}

    /// The layout that `config` describes.
    public static Optional<WeightLayout> find(JsonNode config) {
        for (Function<JsonNode, Optional<? extends WeightLayout>> layout : ALL) {
            Optional<? extends WeightLayout> found = layout.apply(config);
            if (found.isPresent()) {
                return Optional.of(found.get());
            }
        }
        return Optional.empty();
    }
}
