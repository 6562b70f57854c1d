package dev.quern.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Builds a network under Hugging Face names and numbers its Linears and norms.
///
/// A Linear also has a bias where the config's `quern` object says so: quantization may add one. `normOffset` is what
/// the family adds to stored norm weights.
final class NetworkBuilder {
    private static final String EMBEDDING = "model.embed_tokens";

    private final Dimensions d;
    private final float normOffset;
    private final List<Block> blocks = new ArrayList<>();
    private final List<Norm> norms = new ArrayList<>();
    private final Set<String> biases;
    private int linears;

    NetworkBuilder(Dimensions dimensions, float normOffset) {
        this.d = dimensions;
        this.normOffset = normOffset;
        this.biases = QuernConfig.biases(dimensions.reader().json());
    }

    /// Name of a module of layer `layer`.
    static String inLayer(int layer, String module) {
        return "model.layers." + layer + "." + module;
    }

    Linear linear(int layer, Role role, String module, int in, int out, boolean bias) {
        String name = inLayer(layer, module);
        return new Linear(linears++, layer, role, name, in, out, bias || biases.contains(name));
    }

    /// A norm of layer `layer`; `module` without `.weight`.
    Norm norm(int layer, String module, int size) {
        return norm(inLayer(layer, module), size);
    }

    Linear q(int layer, boolean bias) {
        return linear(layer, Role.Q, "self_attn.q_proj", d.hiddenSize(), d.nHeads() * d.headDim(), bias);
    }

    Linear k(int layer, boolean bias) {
        return linear(layer, Role.K, "self_attn.k_proj", d.hiddenSize(), d.nKvHeads() * d.headDim(), bias);
    }

    Linear v(int layer, boolean bias) {
        return linear(layer, Role.V, "self_attn.v_proj", d.hiddenSize(), d.nKvHeads() * d.headDim(), bias);
    }

    Linear o(int layer, boolean bias) {
        return linear(layer, Role.O, "self_attn.o_proj", d.nHeads() * d.headDim(), d.hiddenSize(), bias);
    }

    Linear gate(int layer, boolean bias) {
        return linear(layer, Role.GATE, "mlp.gate_proj", d.hiddenSize(), d.intermediateSize(), bias);
    }

    Linear up(int layer, boolean bias) {
        return linear(layer, Role.UP, "mlp.up_proj", d.hiddenSize(), d.intermediateSize(), bias);
    }

    Linear down(int layer, boolean bias) {
        return linear(layer, Role.DOWN, "mlp.down_proj", d.intermediateSize(), d.hiddenSize(), bias);
    }

    HeadNorms headNorms(int layer) {
        return new HeadNorms(
                norm(layer, "self_attn.q_norm", d.headDim()), norm(layer, "self_attn.k_norm", d.headDim()));
    }

    Attention attention(int layer, float scale, int window) {
        return new Attention(layer, d.nHeads(), d.nKvHeads(), d.headDim(), scale, window);
    }

    /// `1 / sqrt(headDim)`.
    float plainScale() {
        return (float) (1 / Math.sqrt(d.headDim()));
    }

    void block(Stage... stages) {
        blocks.add(new Block(blocks.size(), List.of(stages)));
    }

    Network build(ModelConfig config, float embeddingScale) {
        Norm last = norm("model.norm", d.hiddenSize());
        String head = d.tied() ? EMBEDDING : "lm_head";
        return new Network(
                config,
                new Embedding(EMBEDDING + ".weight", d.vocabSize(), d.hiddenSize(), embeddingScale),
                List.copyOf(blocks),
                last,
                new Linear(linears, -1, Role.HEAD, head, d.hiddenSize(), d.vocabSize(), false),
                List.copyOf(norms));
    }

    private Norm norm(String module, int size) {
        Norm norm = new Norm(norms.size(), module + ".weight", size, d.rmsEps(), normOffset);
        norms.add(norm);
        return norm;
    }
}
