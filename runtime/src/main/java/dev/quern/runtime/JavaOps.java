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
import dev.quern.kernels.SharedInput;
import dev.quern.kernels.TokenAttention;
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
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The executor on our own kernels: packed weights, activations in float32 or as codes, one sequence with its KV
/// cache.
///
/// A forward pass begins with `embed`: its tokens take the positions behind those that the cache holds,
/// and `attend` adds their keys and values. Values live until `endOfBlock` of the block that made them,
/// at the longest until the next `embed`; then their memory is used again. Every operation is a step,
/// which can run again: a pass over one token is recorded, and later tokens take the same steps. For
/// one thread.
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

    /// The tokens of the pass under way; those of a recorded pass are `one`.
    private int[] ids = {};

    private final int[] one = {0};

    /// Where the steps of this pass go; null where nobody keeps them.
    private @Nullable List<Runnable> recorded;

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

    /// Runs `pass`, which takes one token, and keeps its steps.
    Recording record(Supplier<Rows> pass) {
        List<Runnable> steps = new ArrayList<>();
        recorded = steps;
        try {
            return new Recording(pass.get(), steps.toArray(Runnable[]::new));
        } finally {
            recorded = null;
        }
    }

    /// A recorded pass once more, for another token: its steps work where they did, and nothing is allocated that the
    /// kernels do not allocate.
    Rows again(Recording pass, int token) {
        start = cache.length();
        ids = one;
        one[0] = token;
        for (Runnable step : pass.steps) {
            step.run();
        }
        return pass.result;
    }

    /// A pass over one token as steps on fixed arrays.
    record Recording(Rows result, Runnable[] steps) {}

    private Rows step(Rows y, Runnable work) {
        step(work);
        return y;
    }

    private void step(Runnable work) {
        work.run();
        if (recorded != null) {
            recorded.add(work);
        }
    }

    @Override
    public Rows embed(Embedding table, int[] tokens) {
        start = cache.length();
        ids = tokens;
        Rows y = begin(tokens.length, table.hiddenSize());
        return step(y, () -> lookUp(table, y));
    }

    private void lookUp(Embedding table, Rows y) {
        int size = table.hiddenSize();
        for (int t = 0; t < ids.length; t++) {
            if (ids[t] < 0 || ids[t] >= table.vocabSize()) {
                throw new UsageException("token " + ids[t] + " is not in the model's vocabulary of " + table.vocabSize()
                        + ": the tokenizer belongs to another model");
            }
            model.embedding().unpackRow(ids[t], y.data(), t * size);
        }
        if (table.scale() != 1) {
            Elementwise.scale(y.data(), 0, table.scale(), y.data(), 0, y.data().length);
        }
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

    /// Transforms and quantizes the input once for neighbours that share it, and multiplies them together.
    @Override
    public List<Rows> linears(List<Linear> linears, Rows x) {
        List<Rows> products = new ArrayList<>(linears.size());
        for (int from = 0; from < linears.size(); ) {
            PreparedInput input = model.input(linears.get(from));
            int to = from + 1;
            while (to < linears.size() && model.input(linears.get(to)) == input) {
                to++;
            }
            products.addAll(products(linears.subList(from, to), input, x));
            from = to;
        }
        for (int i = 0; i < products.size(); i++) {
            Rows y = products.get(i);
            model.bias(linears.get(i)).ifPresent(bias -> step(() -> Elementwise.addBias(y.data(), 0, y.rows(), bias)));
            model.correction(linears.get(i)).ifPresent(c -> {
                Rows inner = rows(x.rows(), c.down().rows());
                Rows outer = rows(x.rows(), y.cols());
                step(c.addTo(y, x, inner, outer, workers));
            });
        }
        return products;
    }

    /// Products of neighbours with one input.
    private List<Rows> products(List<Linear> linears, PreparedInput input, Rows x) {
        List<PreparedLinear> prepared = linears.stream().map(model::linear).toList();
        List<Rows> products =
                prepared.stream().map(p -> rows(x.rows(), p.rows())).toList();
        float[][] y = products.stream().map(Rows::data).toArray(float[][]::new);
        Rows read = transformed(input, x);
        if (input.scheme().quantizes()) {
            quantized(prepared, input, read, y);
        } else if (x.rows() == 1) {
            step(SharedInput.token(prepared, read.data(), y, workers));
        } else {
            step(() -> SharedInput.multiply(prepared, read.data(), 0, x.rows(), y, workers));
        }
        return products;
    }

    private void quantized(List<PreparedLinear> linears, PreparedInput input, Rows read, float[][] y) {
        step(() -> input.encode(read, codes, workers));
        boolean one = read.rows() == 1;
        Rows seen = null;
        for (int i = 0; i < y.length; i++) {
            float[] product = y[i];
            PreparedLinear linear = linears.get(i);
            if (linear instanceof CodeLinear integers) {
                step(
                        one
                                ? integers.token(codes, read.data(), product, workers)
                                : () -> integers.multiply(codes, read.data(), 0, product, 0, workers));
            } else {
                seen = seen == null ? decoded(read) : seen;
                step(linear.tokens(seen.data(), read.rows(), product, workers));
            }
        }
    }

    private Rows transformed(PreparedInput input, Rows x) {
        if (input.transforms().isEmpty()) {
            return x;
        }
        Rows y = rows(x.rows(), x.cols());
        step(() -> System.arraycopy(x.data(), 0, y.data(), 0, x.data().length));
        for (PreparedTransform transform : input.transforms()) {
            step(transform.of(y, () -> rows(y.rows(), y.cols()).data(), workers));
        }
        return y;
    }

    /// What the codes stand for, for a weight that is no integers of 8 bits.
    private Rows decoded(Rows x) {
        Rows y = rows(x.rows(), x.cols());
        return step(y, () -> codes.dequantize(x.data(), 0, y.data(), 0, workers));
    }

    @Override
    public Rows rope(Rope rope, Rows x, int heads) {
        Rows y = rows(x.rows(), x.cols());
        return step(y, () -> turn(rope, x, heads, y));
    }

    private void turn(Rope rope, Rows x, int heads, Rows y) {
        var table = ropes.at(rope, start, x.rows(), Math.max(expected, start + x.rows()));
        if (x.data().length < WORTH_SPLITTING) {
            turn(rope, table, x, heads, y, 0, x.rows());
        } else {
            workers.ranges(x.rows(), 1, (from, to) -> turn(rope, table, x, heads, y, from, to));
        }
    }

    private void turn(Rope rope, RopeTables.Table table, Rows x, int heads, Rows y, int from, int to) {
        int at = from * x.cols();
        System.arraycopy(x.data(), at, y.data(), at, (to - from) * x.cols());
        int row = table.offset(rope, start + from);
        RopeKernel.apply(y.data(), at, to - from, heads, rope.headDim(), table.cos(), table.sin(), row);
    }

    @Override
    public Rows attend(Attention attention, Rows q, Rows k, Rows v) {
        KvLayer layer = cache.layer(attention.layer());
        Rows y = rows(q.rows(), q.cols());
        if (q.rows() > 1) {
            return step(y, () -> attendMany(attention, layer, q, k, v, y));
        }
        TokenAttention token = new TokenAttention(
                q.data(), 0, attention.nHeads(), layer, attention.scale(), attention.window(), y.data(), 0, workers);
        return step(y, () -> {
            if (layer.scheme().quantizes()) {
                layer.close(layer.scheme().closedBlocks(start));
            }
            layer.append(k.data(), 0, v.data(), 0, 1);
            token.attend(start);
        });
    }

    private void attendMany(Attention attention, KvLayer layer, Rows q, Rows k, Rows v, Rows y) {
        if (!layer.scheme().quantizes()) {
            attend(attention, layer, q, k, v, 0, q.rows(), y);
            return;
        }
        // tokens of one block of positions see the same blocks as codes
        for (int from = 0; from < q.rows(); ) {
            int position = start + from;
            int to = Math.min(q.rows(), from + KvScheme.BLOCK - position % KvScheme.BLOCK);
            layer.close(layer.scheme().closedBlocks(position));
            attend(attention, layer, q, k, v, from, to, y);
            from = to;
        }
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
        RangeBody body = switch (activation) {
            case SILU -> (from, to) -> Elementwise.siluGate(g, from, u, from, y.data(), from, to - from);
            case GELU_TANH -> (from, to) -> Elementwise.geluTanhGate(g, from, u, from, y.data(), from, to - from);
        };
        return step(y, () -> split(g.length, 1, body));
    }

    @Override
    public Rows add(Rows a, Rows b) {
        Rows y = rows(a.rows(), a.cols());
        RangeBody body = (from, to) -> Elementwise.add(a.data(), from, b.data(), from, y.data(), from, to - from);
        return step(y, () -> split(a.data().length, 1, body));
    }

    private Rows norm(Norm norm, Rows x, int rows) {
        Rows y = rows(x.rows(), x.cols());
        float[] weight = model.norm(norm);
        RangeBody body = (from, to) -> {
            int at = from * norm.size();
            NormKernel.rmsNorm(x.data(), at, to - from, weight, norm.offset(), norm.eps(), y.data(), at);
        };
        return step(y, () -> split(rows, norm.size(), body));
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
