package dev.quern.kernels;

/// The inputs of a token in a layout's order, rounded as kernels of integer codes should: `x ≈ scales[i / 32] ·
/// codes[i]`.
record CodedInputs(int[] codes, float[] scales) {
    static CodedInputs of(CodedLinear linear, float[] x, int xAt) {
        int[] codes = new int[linear.blocks() * 32];
        int levels = linear.levels();
        float range = levels == 1 ? 127 : 127 * 256;
        float[] scales = new float[linear.blocks()];
        int[] source = linear.order().source();
        float[] in = new float[codes.length];
        for (int i = 0; i < linear.order().length(); i++) {
            int col = source == null ? i : source[i];
            in[i] = col < 0 ? 0 : x[xAt + col];
        }
        for (int b = 0; b < scales.length; b++) {
            float most = 0;
            for (int k = b * 32; k < b * 32 + 32; k++) {
                most = Math.max(most, Math.abs(in[k]));
            }
            scales[b] = most < 0x1p-110f ? 0 : most / range;
            for (int k = b * 32; k < b * 32 + 32; k++) {
                int code = scales[b] == 0 ? 0 : (int) Math.rint(in[k] * (range / most));
                codes[k] = levels == 1 ? code : 256 * high(code) + Math.clamp(code - 256 * high(code), -127, 127);
            }
        }
        return new CodedInputs(codes, scales);
    }

    /// The higher of the two bytes of a code.
    static int high(int code) {
        return (int) Math.rint(code / 256.0);
    }

    float rounded(int place) {
        return codes[place] * scales[place / 32];
    }
}
