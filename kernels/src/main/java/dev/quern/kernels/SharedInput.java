package dev.quern.kernels;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Products of several weights with the same inputs, as a block asks for them: queries, keys and values; gate and up.
public final class SharedInput {
    private SharedInput() {}

    /// `y[i] [tokens, rows of weight i]` from `x [tokens, cols]` at `xOffset`: to the bit what one product after the
    /// other gives. The integer kernel rounds the inputs once for all, and one token takes one loop over all.
    public static void multiply(
            List<PreparedLinear> linears, float[] x, int xOffset, int tokens, float[][] y, Workers workers) {
        IntegerLinear[] together = together(linears);
        if (together != null) {
            IntegerLinear.multiply(together, x, xOffset, tokens, y, 0, workers);
            return;
        }
        for (int i = 0; i < y.length; i++) {
            linears.get(i).multiply(x, xOffset, tokens, y[i], 0, workers);
        }
    }

    /// The products of one token as a step that can run again: each time it takes what `x` holds then. It allocates
    /// nothing where the weights' kernel knows how.
    public static Runnable token(List<PreparedLinear> linears, float[] x, float[][] y, Workers workers) {
        IntegerLinear[] together = together(linears);
        if (together != null) {
            return new IntegerToken(together, x, 0, y, 0, workers);
        }
        Runnable[] steps = new Runnable[y.length];
        for (int i = 0; i < steps.length; i++) {
            steps[i] = linears.get(i).token(x, y[i], workers);
        }
        return () -> {
            for (Runnable step : steps) {
                step.run();
            }
        };
    }

    /// The same weights, where all share codes of their inputs; else null.
    private static IntegerLinear @Nullable [] together(List<PreparedLinear> linears) {
        IntegerLinear[] all = new IntegerLinear[linears.size()];
        for (int i = 0; i < all.length; i++) {
            if (!(linears.get(i) instanceof IntegerLinear linear) || i > 0 && !linear.sharesInputs(all[0])) {
                return null;
            }
            all[i] = linear;
        }
        return all;
    }
}
