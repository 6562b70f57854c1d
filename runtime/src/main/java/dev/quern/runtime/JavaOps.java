package dev.quern.runtime;

import dev.quern.core.KvScheme;
import dev.quern.core.UsageException;
import dev.quern.kernels.AttentionKernel;
import dev.quern.kernels.CodeLinear;
import dev.quern.kernels.Elementwise;
import dev.quern.kernels.InputCodes;
import dev.quern.kernels.KvLayer;
import dev.quern.kernels.NormKernel;
import dev.quern.kernels.PreparedLinear;
import dev.quern.kernels.RangeBody;
import dev.quern.kernels.RopeKernel;
import dev.quern.kernels.Workers;
import dev.quern.models.Activation;
import dev.quern.models.Attention;
import dev.quern.models.Embedding;
import dev.quern.models.Linear;
import dev.quern.models.Norm;
import dev.quern.models.Ops;
import dev.quern.models.Rope;
import java.util.ArrayList;
import java.util.List;

/// The executor on our own kernels: packed weights, activations in float32 or as codes, one sequence with its KV
/// cache.
///
/// A forward pass begins with `embed`: its tokens take the positions behind those that the cache holds, and `attend`
/// adds their keys and values. Values live until `endOfBlock` of the block that made them, at the longest until the
/// next
/// `embed`; then their memory is used again. For one thread.
public final class JavaOps implements Ops<Rows> {
    /// Fewer floats than this are done by the calling thread: a barrier costs more.
    private static final int WORTH_SPLITTING = 1 << 14;

    private final Model model;
    private final KvCache cache;
    private final Workers workers;
    private final RopeTables ropes = new RopeTables();
    private final Buffers buffers = new Buffers();
    private final InputCodes codes = new InputCodes();
    private int start;
    private int tokens;
    private int expected;

    public JavaOps(Model model, KvCache cache) {
        this.model = model;
        this.cache = cache;
        this.workers = model.workers();
    }

    /// Announces that the sequence will have `length` tokens after the passes to come: ropes that depend on the length
    /// turn all of them alike.
    void expect(int length) {
        expected = length;
    }

    @Override
    public Rows embed(Embedding table, int[] tokens) {
        start = cache.length();
        int size = table.hiddenSize();
        Rows y = begin(tokens.length, size);
        for (int t = 0; t < tokens.length; t++) {
            if (tokens[t] < 0 || tokens[t] >= table.vocabSize()) {
                throw new UsageException("token " + tokens[t] + " is not in the model's vocabulary of "
                        + table.vocabSize() + ": the tokenizer belongs to another model");
            }
            model.embedding().unpackRow(tokens[t], y.data(), t * size);
        }
        if (table.scale() != 1) {
            Elementwise.scale(y.data(), 0, table.scale(), y.data(), 0, y.data().length);
        }
        return y;
    }

    /// The first value of a pass over `count` tokens; those of the last pass are dead.
    private Rows begin(int count, int size) {
        if (count != tokens) {
            buffers.clear();
            tokens = count;
        }
        Rows y = rows(count, size);
        buffers.releaseAllBut(y.data());
        return y;
    }

    @Override
    public Rows endOfBlock(Rows x) {
        buffers.releaseAllBut(x.data());
        return x;
    }

    private Rows rows(int rows, int cols) {
        return new Rows(buffers.take(Math.multiplyExact(rows, cols)), rows, cols);
    }

    @Override
    public Rows rmsNorm(Norm norm, Rows x) {
        return norm(norm, x, x.rows());
    }

    @Override
    public Rows headNorm(Norm norm, Rows x, int heads) {
        return norm(norm, x, x.rows() * heads);
    }

    @Override
    public Rows linear(Linear linear, Rows x) {
        return linears(List.of(linear), x).getFirst();
    }

    /// Transforms and quantizes the input once for neighbours that share it.
    @Override
    public List<Rows> linears(List<Linear> linears, Rows x) {
        List<Rows> products = new ArrayList<>(linears.size());
        PreparedInput shared = null;
        Rows read = x;
        Rows seen = null;
        for (Linear linear : linears) {
            PreparedInput input = model.input(linear);
            if (input != shared) {
                shared = input;
                read = transformed(input, x);
                seen = null;
                if (input.scheme().quantizes()) {
                    input.encode(read, codes, workers);
                }
            }
            PreparedLinear prepared = model.linear(linear);
            Rows y = rows(x.rows(), prepared.rows());
            if (!input.scheme().quantizes()) {
                prepared.multiply(read.data(), 0, x.rows(), y.data(), 0, workers);
            } else if (prepared instanceof CodeLinear integers) {
                integers.multiply(codes, read.data(), 0, y.data(), 0, workers);
            } else {
                seen = seen == null ? decoded(read) : seen;
                prepared.multiply(seen.data(), 0, x.rows(), y.data(), 0, workers);
            }
            model.bias(linear).ifPresent(bias -> Elementwise.addBias(y.data(), 0, y.rows(), bias));
            model.correction(linear)
                    .ifPresent(c -> c.addTo(y, x, rows(x.rows(), c.down().rows()), rows(x.rows(), y.cols()), workers));
            products.add(y);
        }
        return products;
    }

    private Rows transformed(PreparedInput input, Rows x) {
        if (input.transforms().isEmpty()) {
            return x;
        }
        Rows y = rows(x.rows(), x.cols());
        System.arraycopy(x.data(), 0, y.data(), 0, x.data().length);
        input.transform(y, workers);
        return y;
    }

    /// What the codes stand for, for a weight that is no integers of 8 bits.
    private Rows decoded(Rows x) {
        Rows y = rows(x.rows(), x.cols());
        codes.dequantize(x.data(), 0, y.data(), 0, workers);
        return y;
    }

    @Override
    public Rows rope(Rope rope, Rows x, int heads) {
        var table = ropes.at(rope, start, x.rows(), Math.max(expected, start + x.rows()));
        Rows y = rows(x.rows(), x.cols());
        split(x.rows(), x.cols(), (from, to) -> {
            int at = from * x.cols();
            System.arraycopy(x.data(), at, y.data(), at, (to - from) * x.cols());
            int row = table.offset(rope, start + from);
            RopeKernel.apply(y.data(), at, to - from, heads, rope.headDim(), table.cos(), table.sin(), row);
        });
        return y;
    }

    @Override
    public Rows attend(Attention attention, Rows q, Rows k, Rows v) {
        KvLayer layer = cache.layer(attention.layer());
        Rows y = rows(q.rows(), q.cols());
        if (!layer.scheme().quantizes()) {
            attend(attention, layer, q, k, v, 0, q.rows(), y);
            return y;
        }
        // tokens of one block of positions see the same blocks as codes
        for (int from = 0; from < q.rows(); ) {
            int position = start + from;
            int to = Math.min(q.rows(), from + KvScheme.BLOCK - position % KvScheme.BLOCK);
            layer.close(layer.scheme().closedBlocks(position));
            attend(attention, layer, q, k, v, from, to, y);
            from = to;
        }
        return y;
    }

    /// Adds the keys and values of the tokens `from … to − 1` and attends from them.
    private void attend(Attention attention, KvLayer layer, Rows q, Rows k, Rows v, int from, int to, Rows y) {
        layer.append(k.data(), from * k.cols(), v.data(), from * v.cols(), to - from);
        AttentionKernel.attend(
                q.data(),
                from * q.cols(),
                to - from,
                start + from,
                attention.nHeads(),
                layer,
                attention.scale(),
                attention.window(),
                y.data(),
                from * y.cols(),
                workers);
    }

    @Override
    public Rows gate(Activation activation, Rows gate, Rows up) {
        Rows y = rows(gate.rows(), gate.cols());
        float[] g = gate.data();
        float[] u = up.data();
        split(g.length, 1, (from, to) -> {
            switch (activation) {
                case SILU -> Elementwise.siluGate(g, from, u, from, y.data(), from, to - from);
                case GELU_TANH -> Elementwise.geluTanhGate(g, from, u, from, y.data(), from, to - from);
            }
        });
        return y;
    }

    @Override
    public Rows add(Rows a, Rows b) {
        Rows y = rows(a.rows(), a.cols());
        split(
                a.data().length,
                1,
                (from, to) -> Elementwise.add(a.data(), from, b.data(), from, y.data(), from, to - from));
        return y;
    }

    private Rows norm(Norm norm, Rows x, int rows) {
        Rows y = rows(x.rows(), x.cols());
        float[] weight = model.norm(norm);
        split(
                rows,
                norm.size(),
                (from, to) -> NormKernel.rmsNorm(
                        x.data(),
                        from * norm.size(),
                        to - from,
                        weight,
                        norm.offset(),
                        norm.eps(),
                        y.data(),
                        from * norm.size()));
        return y;
    }

    /// Splits `n` items of `size` floats over the workers where that pays.
    private void split(int n, int size, RangeBody body) {
        if ((long) n * size < WORTH_SPLITTING) {
            body.run(0, n);
        } else {
            workers.ranges(n, size == 1 ? 64 : 1, body);
        }
    }
}
