package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.UsageException;

/// GGUF blocks and GPTQ groups through machine code, with activations of 16 or 8 bits, where `-Dquern.inputs` asks for
/// them.
///
/// `int16` leaves perplexity as it is to five digits, but moves single logits of small models by up to 4e-3, more than
/// the 1e-3 that a peer's file must agree to; so floats are the default and other kernels take these weights. `int8`
/// reads prompts faster by half again, and the perplexity of a small model is some 0.4 % worse. Codes are repacked
/// once, here, at their own width; the weight itself is not kept. Memory in bits a weight
/// beside the codes: 0.5 for a float16 scale for each 32, 0.75 for the K types.
final class IntegerKernel implements LinearKernel {
    /// Bytes of an activation's code; 0 where activations stay floats.
    private static final int LEVELS = switch (System.getProperty("quern.inputs", "float")) {
        case "int16" -> 2;
        case "int8" -> 1;
        case "float" -> 0;
        default ->
            throw new UsageException(
                    "-Dquern.inputs=" + System.getProperty("quern.inputs") + ": expected int16, int8 or float");
    };

    @Override
    public String name() {
        return "integer";
    }

    @Override
    public boolean roundsInputs() {
        return true;
    }

    @Override
    public boolean supports(PackedWeight weight) {
        return MachineCode.isa().isPresent() && takes(weight);
    }

    /// True where machine code runs and activations are to be coded: only then is this kernel chosen.
    static boolean runs() {
        return LEVELS > 0 && MachineCode.isa().isPresent();
    }

    /// What runs here, or why nothing does.
    static String describe() {
        if (runs()) {
            return MachineCode.describe() + ", inputs of " + 8 * LEVELS + " bits";
        }
        return MachineCode.isa().isEmpty()
                ? MachineCode.describe()
                : MachineCode.describe() + " for codebooks; -Dquern.inputs=int16 uses it for integer codes too";
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
        if (!supports(weight)) {
            throw new IllegalArgumentException("the integer kernel does not take " + weight.encoding() + " here");
        }
        return prepare(weight, MachineCode.isa().orElseThrow(), LEVELS == 0 ? 2 : LEVELS);
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
