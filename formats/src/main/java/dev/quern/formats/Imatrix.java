package dev.quern.formats;

import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// How much each input of each matrix matters: the sum of its squares over calibration tokens, as llama.cpp's imatrix
/// files hold it.
///
/// `entries` by the matrix's GGUF name. `datasets` names the texts, `chunks` how many stretches of `chunkSize` tokens
/// were run. Both of llama.cpp's files are read (see docs/formats/gguf.md); arrays are shared and not to be changed.
public record Imatrix(Map<String, Entry> entries, List<String> datasets, int chunks, int chunkSize) {
    private static final String SUMS = ".in_sum2";
    private static final String COUNTS = ".counts";

    /// `sums [inputs]` over `count` tokens.
    public record Entry(float[] sums, float count) {
        /// The mean square of each input.
        public float[] means() {
            float[] means = new float[sums.length];
            for (int i = 0; i < means.length; i++) {
                means[i] = count > 0 ? sums[i] / count : 0;
            }
            return means;
        }
    }

    public Imatrix {
        entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
        datasets = List.copyOf(datasets);
    }

    /// Reads either kind of file.
    public static Imatrix read(Path path) {
        return new GgufFormat().recognises(path) ? readGguf(path) : ImatrixDat.read(path);
    }

    private static Imatrix readGguf(Path path) {
        try (GgufFile file = Gguf.open(path)) {
            if (!"imatrix".equals(file.metadata().get("general.type"))) {
                throw new QuernException(path
                        + ": is a GGUF file of a model, not of an importance matrix; make one with" + " quern imatrix");
            }
            Map<String, Entry> entries = new LinkedHashMap<>();
            for (GgufTensor tensor : file.tensors()) {
                if (tensor.name().endsWith(SUMS)) {
                    String name = tensor.name().substring(0, tensor.name().length() - SUMS.length());
                    entries.put(name, entry(file, tensor, name + COUNTS));
                }
            }
            List<String> datasets = new ArrayList<>();
            if (file.metadata().get("imatrix.datasets") instanceof List<?> named) {
                named.forEach(d -> datasets.add(String.valueOf(d)));
            }
            return new Imatrix(
                    entries, datasets, whole(file, "imatrix.chunk_count"), whole(file, "imatrix.chunk_size"));
        }
    }

    private static Entry entry(GgufFile file, GgufTensor tensor, String counts) {
        if (!file.has(counts)) {
            throw new QuernException(file.path() + ": " + tensor.name() + " stands without " + counts
                    + "; the file is damaged, make it again with quern imatrix");
        }
        float[] sums = file.dense(tensor.name()).toFloats();
        float[] count = file.dense(counts).toFloats();
        if (count.length != 1) {
            throw new QuernException(file.path() + ": " + tensor.name() + " counts the tokens of " + count.length
                    + " experts; only matrices without experts are supported");
        }
        check(file.path(), tensor.name(), sums, count[0]);
        return new Entry(sums, count[0]);
    }

    /// Throws unless all is finite and nothing below 0.
    static void check(Path path, String name, float[] sums, float count) {
        boolean bad = !(count >= 0 && count < Float.POSITIVE_INFINITY);
        for (float sum : sums) {
            bad |= !(sum >= 0 && sum < Float.POSITIVE_INFINITY);
        }
        if (bad) {
            throw new QuernException(path + ": " + name + " holds a sum or count that is negative or not finite; make"
                    + " the file again with quern imatrix");
        }
    }

    private static int whole(GgufFile file, String key) {
        return file.metadata().get(key) instanceof Long value && value >= 0 && value <= Integer.MAX_VALUE
                ? value.intValue()
                : 0;
    }

    /// Writes llama.cpp's GGUF form, or where `path` ends in `.dat` the older one.
    public void write(Path path) {
        if (path.toString().endsWith(".dat")) {
            ImatrixDat.write(this, path);
            return;
        }
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("general.type", "imatrix");
        metadata.put("imatrix.datasets", datasets);
        metadata.put("imatrix.chunk_count", (long) chunks);
        metadata.put("imatrix.chunk_size", (long) chunkSize);
        List<GgufPlan> plans = new ArrayList<>();
        entries.forEach((name, entry) -> {
            plans.add(GgufPlan.of(name + SUMS, Tensor.of(entry.sums(), entry.sums().length)));
            plans.add(GgufPlan.of(name + COUNTS, Tensor.of(new float[] {entry.count()}, 1)));
        });
        Gguf.write(path, metadata, plans);
    }
}
