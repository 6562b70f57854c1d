package dev.quern.runtime;

import dev.quern.core.KvScheme;
import dev.quern.core.PackedWeight;
import dev.quern.core.QuernException;
import dev.quern.kernels.CodeLinear;
import dev.quern.kernels.InputPrecision;
import dev.quern.kernels.Kernels;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.Workers;
import dev.quern.models.InputTransform;
import dev.quern.models.Linear;
import dev.quern.models.LinearInput;
import dev.quern.models.Network;
import dev.quern.models.Norm;
import dev.quern.models.WeightSource;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// A network with its weights laid out for the kernels, ready to run.
///
/// Every Linear is prepared once, here. Views of the source's memory may be kept: the source's owner must outlive
/// the model. The workers belong to the caller. Immutable; several sessions may use one model, their loops take turns.
public final class Model {
    private final Network network;
    private final Workers workers;
    private final PackedWeight embedding;
    private final List<PreparedLinear> linears;
    private final List<Optional<float[]>> biases = new ArrayList<>();
    private final List<float[]> norms = new ArrayList<>();
    private final List<PreparedInput> inputs = new ArrayList<>();
    private final List<Optional<PreparedCorrection>> corrections = new ArrayList<>();
    private final Map<LinearInput, PreparedInput> distinctInputs = new IdentityHashMap<>();
    private final KvScheme kv;

    /// Prepares all weights; throws a `QuernException` naming the parameter that is missing or of the wrong size.
    public Model(Network network, WeightSource source, Workers workers) {
        this(network, source, workers, InputPrecision.DEFAULT);
    }

    /// The same with activations as `precision` says, where the file does not say it.
    public Model(Network network, WeightSource source, Workers workers, InputPrecision precision) {
        this.network = network;
        this.workers = workers;
        this.kv = source.kv();
        var table = network.embedding();
        this.embedding = weight(source, table.name(), table.vocabSize(), table.hiddenSize());
        List<Supplier<PackedWeight>> weights = new ArrayList<>();
        for (Linear linear : network.linears()) {
            weights.add(add(linear, source));
        }
        weights.add(add(network.head(), source));
        this.linears = prepare(weights, precision);
        for (Norm norm : network.norms()) {
            if (norm.index() != norms.size()) {
                throw new IllegalArgumentException(norm.name() + ": index " + norm.index() + " is not dense");
            }
            norms.add(vector(source, norm.name(), norm.size()));
        }
    }

    /// What the model computes.
    public Network network() {
        return network;
    }

    /// Rows of the logits.
    public int vocabSize() {
        return network.config().vocabSize();
    }

    /// The crew that runs the model.
    public Workers workers() {
        return workers;
    }

    /// Bytes of weights that one decoded token reads, the row of the table aside.
    public long weightBytes() {
        long corrected = corrections.stream()
                .flatMap(Optional::stream)
                .mapToLong(PreparedCorrection::weightBytes)
                .sum();
        return linears.stream().mapToLong(PreparedLinear::weightBytes).sum() + corrected;
    }

    /// Names of the kernels in use, each once, in the order of the network.
    public List<String> kernels() {
        return linears.stream().map(PreparedLinear::kernel).distinct().toList();
    }

    /// How activations run, each way once: `a8 dynamic symmetric × int8`; empty where all stay floats.
    public List<String> activations() {
        return IntStream.range(0, linears.size())
                .filter(i -> !inputs.get(i).input().isAsIs())
                .mapToObj(i -> inputs.get(i).input().describe(linears.get(i) instanceof CodeLinear))
                .distinct()
                .toList();
    }

    /// How the KV cache of a session is held.
    public KvScheme kv() {
        return kv;
    }

    PreparedInput input(Linear linear) {
        return inputs.get(linear.index());
    }

    PackedWeight embedding() {
        return embedding;
    }

    PreparedLinear linear(Linear linear) {
        return linears.get(linear.index());
    }

    Optional<float[]> bias(Linear linear) {
        return biases.get(linear.index());
    }

    Optional<PreparedCorrection> correction(Linear linear) {
        return corrections.get(linear.index());
    }

    float[] norm(Norm norm) {
        return norms.get(norm.index());
    }

    /// Lays the weights out, each by one worker; the last is the vocabulary's, the largest, and comes
    /// first. A weight is asked for when its turn comes and let go of then, so that few are in memory
    /// twice.
    private List<PreparedLinear> prepare(List<Supplier<PackedWeight>> weights, InputPrecision precision) {
        PreparedLinear[] prepared = new PreparedLinear[weights.size()];
        AtomicInteger left = new AtomicInteger(prepared.length);
        workers.run(Math.min(workers.threads(), prepared.length), _ -> {
            for (int i = left.decrementAndGet(); i >= 0; i = left.decrementAndGet()) {
                boolean coded = inputs.get(i).scheme().quantizes();
                PackedWeight weight;
                synchronized (left) {
                    weight = weights.get(i).get();
                }
                prepared[i] = Kernels.prepare(weight, coded ? InputPrecision.FLOAT : precision);
                weight.unload();
            }
        });
        return List.of(prepared);
    }

    /// All of a Linear but its weight, which the result reads.
    private Supplier<PackedWeight> add(Linear linear, WeightSource source) {
        if (linear.index() != inputs.size()) {
            throw new IllegalArgumentException(linear.name() + ": index " + linear.index() + " is not dense");
        }
        boolean shared = linear.weightName().equals(network.embedding().name());
        PreparedInput input = distinctInputs.computeIfAbsent(input(linear, source), PreparedInput::of);
        inputs.add(input);
        corrections.add(source.correction(linear).map(PreparedCorrection::of));
        biases.add(
                linear.bias()
                        ? Optional.of(vector(source, linear.biasName(), linear.outFeatures()))
                        : Optional.empty());
        return () ->
                shared ? embedding : weight(source, linear.weightName(), linear.outFeatures(), linear.inFeatures());
    }

    private static LinearInput input(Linear linear, WeightSource source) {
        LinearInput input = source.input(linear);
        for (InputTransform transform : input.transforms()) {
            if (transform.size() != linear.inFeatures()) {
                throw new QuernException(linear.name() + ": a transform of " + transform.size()
                        + " features, but config.json asks for " + linear.inFeatures()
                        + ": config and weights belong to different models");
            }
        }
        for (int column : input.exact()) {
            if (column < 0 || column >= linear.inFeatures()) {
                throw new QuernException(linear.name() + ": no input " + column + " to keep exact");
            }
        }
        return input;
    }

    private static PackedWeight weight(WeightSource source, String name, int rows, int cols) {
        require(source, name);
        PackedWeight weight = source.weight(name);
        if (weight.rows() != rows || weight.cols() != cols) {
            throw new QuernException(name + " is [" + weight.rows() + ", " + weight.cols() + "] in the file, but"
                    + " config.json asks for [" + rows + ", " + cols
                    + "]: config and weights belong to different models");
        }
        return weight;
    }

    private static float[] vector(WeightSource source, String name, int size) {
        require(source, name);
        float[] vector = source.vector(name);
        if (vector.length != size) {
            throw new QuernException(name + " has " + vector.length + " values in the file, but config.json asks for "
                    + size + ": config and weights belong to different models");
        }
        return vector;
    }

    private static void require(WeightSource source, String name) {
        if (!source.has(name)) {
            throw new QuernException(name + " is missing from the weights: the download is incomplete or config.json"
                    + " describes another model");
        }
    }
}
