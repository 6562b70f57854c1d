package dev.quern.torch;

import dev.quern.models.Activation;
import dev.quern.models.Attention;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.models.Ops;
import dev.quern.models.Rope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// Runs a network on libtorch in float32, with gradients: the rows are the tokens of one sequence from position 0.
///
/// There is no cache: a call sees its whole sequence. Tensors belong to the scope that is open when an operation runs;
/// this object itself holds Java data only and serves any number of threads, if its weights do.
public final class TorchOps implements Ops<TorchTensor> {
    private final TorchWeights weights;
    private final Map<Rope, Table> ropes = new ConcurrentHashMap<>();

    private record Table(int positions, float[] cos, float[] sin) {}

    public TorchOps(TorchWeights weights) {
        this.weights = weights;
    }

    @Override
    public TorchTensor embed(Embedding table, int[] tokens) {
        TorchTensor rows = weights.embed(table, tokens);
        return table.scale() == 1 ? rows : rows.mul(table.scale());
    }

    @Override
    public TorchTensor rmsNorm(Norm norm, TorchTensor x) {
        TorchTensor weight = weights.norm(norm);
        TorchTensor scale = norm.offset() == 0 ? weight : weight.add(norm.offset());
        return x.mul(x.square().mean(-1).add(norm.eps()).rsqrt()).mul(scale);
    }

    @Override
    public TorchTensor headNorm(Norm norm, TorchTensor x, int heads) {
        long tokens = x.size(0);
        return rmsNorm(norm, x.reshape(tokens, heads, norm.size())).reshape(tokens, (long) heads * norm.size());
    }

    @Override
    public TorchTensor linear(Linear linear, TorchTensor x) {
        return linears(List.of(linear), x).getFirst();
    }

    @Override
    public List<TorchTensor> linears(List<Linear> linears, TorchTensor x) {
        List<TorchTensor> inputs = weights.inputs(linears, x);
        List<TorchTensor> products = new ArrayList<>(linears.size());
        for (int i = 0; i < linears.size(); i++) {
            Linear linear = linears.get(i);
            products.add(inputs.get(i).linear(weights.weight(linear), weights.bias(linear)));
        }
        return products;
    }

    @Override
    public TorchTensor rope(Rope rope, TorchTensor x, int heads) {
        int tokens = x.size(0);
        int half = rope.headDim() / 2;
        Table table = table(rope, tokens);
        TorchTensor cos = TorchTensor.ofRange(table.cos, 0, tokens, 1, half);
        TorchTensor sin = TorchTensor.ofRange(table.sin, 0, tokens, 1, half);
        TorchTensor pairs = x.reshape(tokens, heads, 2, half);
        TorchTensor a = pairs.select(2, 0);
        TorchTensor b = pairs.select(2, 1);
        return TorchTensor.cat(List.of(a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))), 2)
                .reshape(tokens, (long) heads * rope.headDim());
    }

    /// The last length's table is kept: frequencies may depend on the length, so a longer table is no substitute.
    private Table table(Rope rope, int tokens) {
        return ropes.compute(rope, (_, known) -> {
            if (known != null && known.positions == tokens) {
                return known;
            }
            float[][] cosSin = rope.table(0, tokens);
            return new Table(tokens, cosSin[0], cosSin[1]);
        });
    }

    @Override
    public TorchTensor attend(Attention attention, TorchTensor q, TorchTensor k, TorchTensor v) {
        int tokens = q.size(0);
        if (weights.kv().closedBlocks(tokens - 1) > 0) {
            return TorchKv.attend(weights.kv(), attention, q, k, v);
        }
        if (weights.kv().halves()) {
            return attendFloats(attention, q, k.toHalfStraight(), v.toHalfStraight());
        }
        return attendFloats(attention, q, k, v);
    }

    private static TorchTensor attendFloats(Attention attention, TorchTensor q, TorchTensor k, TorchTensor v) {
        int tokens = q.size(0);
        boolean windowed = attention.window() > 0 && attention.window() < tokens;
        TorchTensor result = new TorchTensor(torch.scaled_dot_product_attention(
                heads(attention, q, attention.nHeads()).raw(),
                heads(attention, k, attention.nKvHeads()).raw(),
                heads(attention, v, attention.nKvHeads()).raw(),
                windowed ? new TensorOptional(mask(tokens, attention.window()).raw()) : new TensorOptional(),
                0.0,
                !windowed,
                new DoubleOptional(attention.scale()),
                false));
        return result.select(0, 0).transpose(0, 1).reshape(tokens, (long) attention.nHeads() * attention.headDim());
    }

    /// `[tokens, n · headDim]` → `[1, nHeads, tokens, headDim]`, each kv head repeated for its query heads.
    static TorchTensor heads(Attention attention, TorchTensor x, int n) {
        int tokens = x.size(0);
        int headDim = attention.headDim();
        int repeats = attention.nHeads() / n;
        TorchTensor heads = x.reshape(tokens, n, 1, headDim).transpose(0, 1).transpose(1, 2);
        return heads.expand(n, repeats, tokens, headDim).reshape(1, attention.nHeads(), tokens, headDim);
    }

    /// 0 where a token sees a position, −∞ elsewhere: `[tokens, tokens]`.
    static TorchTensor mask(int tokens, int window) {
        float[] mask = new float[Math.multiplyExact(tokens, tokens)];
        for (int to = 0; to < tokens; to++) {
            for (int from = 0; from < tokens; from++) {
                if (from > to || from <= to - window) {
                    mask[to * tokens + from] = Float.NEGATIVE_INFINITY;
                }
            }
        }
        return TorchTensor.of(mask, tokens, tokens);
    }

    @Override
    public TorchTensor gate(Activation activation, TorchTensor gate, TorchTensor up) {
        return switch (activation) {
            case SILU -> gate.silu().mul(up);
            case GELU_TANH -> gate.geluTanh().mul(up);
        };
    }

    @Override
    public TorchTensor add(TorchTensor a, TorchTensor b) {
        return a.add(b);
    }
}
