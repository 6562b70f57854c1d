package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;

/// GGUF blocks and GPTQ groups through machine code, with activations of 16 or 8 bits (`InputPrecision`).
///
/// Codes are repacked once, here, at their own width; the weight itself is not kept. Memory in bits a weight beside the
/// codes: 0.5 for a float16 scale for each 32, 0.75 for the K types.
final class IntegerKernel implements LinearKernel {
    @Override
    public String name() {
        return "integer";
    }

    @Override
    public boolean roundsInputs() {
        return true;
    }

    @Override
    public boolean runsHere() {
        return MachineCode.isa().isPresent();
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return runsHere() && takes(weight);
    }

    /// What runs here, or why nothing does.
    static String describe() {
        if (MachineCode.isa().isEmpty()) {
            return MachineCode.describe();
        }
        return InputPrecision.DEFAULT == InputPrecision.FLOAT
                ? MachineCode.describe()
                        + " for codebooks and dense weights; -Dquern.inputs=int16 uses it for integer codes too"
                : MachineCode.describe() + ", inputs of " + 8 * InputPrecision.DEFAULT.bytes + " bits";
    }

    /// True where a format holds the weight.
    static boolean takes(PackedWeight weight) {
        return switch (weight) {
            case BlockWeight b -> BlockPanels.format(b.type()).isPresent();
            case GroupedWeight g -> GroupedPanels.takes(g);
            default -> false;
        };
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight) {
        return prepare(weight, InputPrecision.DEFAULT);
    }

    @Override
    public PreparedLinear prepare(PackedWeight weight, InputPrecision inputs) {
        if (!supports(weight)) {
            throw new IllegalArgumentException("the integer kernel does not take " + weight.encoding() + " here");
        }
        InputPrecision codes = inputs == InputPrecision.FLOAT ? InputPrecision.INT16 : inputs;
        return prepare(weight, MachineCode.isa().orElseThrow(), codes.bytes);
    }

    /// The same for a set of instructions and a width of activations of choice.
    PreparedLinear prepare(PackedWeight weight, MachineCode.Isa isa, int levels) {
        return switch (weight) {
            case BlockWeight b -> BlockPanels.prepare(name(), b, isa, levels);
            case GroupedWeight g -> GroupedPanels.prepare(name(), g, isa, levels);
            default -> throw new IllegalArgumentException("the integer kernel does not take " + weight.encoding());
        };
    }
}
