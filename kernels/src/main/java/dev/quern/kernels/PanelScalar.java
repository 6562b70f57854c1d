package dev.quern.kernels;

/// The oracle of `PanelProgram`: the same operations on floats in the same order, one row of one token at a time.
final class PanelScalar {
    private PanelScalar() {}

    /// Row `row` times the codes of a token: `codes`, and for each block its scale.
    static float product(IntegerPanels panels, int row, int[] codes, float[] scales) {
        PanelFormat format = panels.format();
        int length = PanelFormat.BLOCK / format.subs();
        float y = 0;
        for (int from = 0; from < codes.length; from += length) {
            int products = 0;
            int inputs = 0;
            for (int k = from; k < from + length; k++) {
                products += panels.code(row, k) * codes[k];
                inputs += codes[k];
            }
            float inputScale = scales[from / PanelFormat.BLOCK];
            float sum = inputScale * inputs;
            float part = products * inputScale;
            if (format.shift() == GroupScales.Shift.ZERO) {
                part = Math.fma(-panels.shift(row, from), sum, part);
            }
            y = Math.fma(part, panels.scale(row, from), y);
            if (format.shift() == GroupScales.Shift.MINIMUM) {
                y = Math.fma(panels.shift(row, from), sum, y);
            }
        }
        return y;
    }
}
