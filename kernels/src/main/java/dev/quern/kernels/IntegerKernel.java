package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.UsageException;

/// GGUF blocks and GPTQ groups through machine code, with activations of 16 bits.
///
/// `-Dquern.inputs=int8` rounds activations to 8 bits: prompts are read faster by half, and the perplexity of a small
/// model is some 0.4 % worse. Where machine code does not run, or with `-Dquern.inputs=float`, other kernels take these
/// weights. Codes are repacked once, here, at their own width; the weight itself is not kept. Memory in bits a weight
/// beside the codes: 0.5 for a float16 scale for each 32, 0.75 for the K types.
final class IntegerKernel implements LinearKernel {
    /// Bytes of an activation's code; 0 where activations stay floats.
    private static final int LEVELS = switch (System.getProperty("quern.inputs", "int16")) {
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
        return runs() && takes(weight);
    }

    /// True where machine code runs and activations may be coded.
    static boolean runs() {
        return LEVELS > 0 && MachineCode.isa().isPresent();
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
        return prepare(weight, MachineCode.isa().orElseThrow(), LEVELS);
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
