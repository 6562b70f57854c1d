package dev.quern.kernels;

import dev.quern.core.BlockWeight;
import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.UsageException;

/// GGUF blocks and GPTQ groups through machine code, with activations of 8 bits.
///
/// Where machine code does not run, or `-Dquern.inputs=float` keeps activations as they are, other kernels take these
/// weights. Codes are repacked once, here, at their own width; the weight itself is not kept. Memory in bits a weight
/// beside the codes: 0.5 for a float16 scale for each 32, 0.75 for the K types.
final class IntegerKernel implements LinearKernel {
    /// True where activations may be rounded to 8 bits.
    private static final boolean CODES = switch (System.getProperty("quern.inputs", "int8")) {
        case "int8" -> true;
        case "float" -> false;
        default ->
            throw new UsageException(
                    "-Dquern.inputs=" + System.getProperty("quern.inputs") + ": expected int8 or float");
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
        return CODES && MachineCode.isa().isPresent() && takes(weight);
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
        return prepare(weight, MachineCode.isa().orElseThrow());
    }

    /// The same for a set of instructions of choice.
    PreparedLinear prepare(PackedWeight weight, MachineCode.Isa isa) {
        return switch (weight) {
            case BlockWeight b -> BlockPanels.prepare(name(), b, isa);
            case GroupedWeight g -> GroupedPanels.prepare(name(), g, isa);
            default -> throw new IllegalArgumentException("the integer kernel does not take " + weight.encoding());
        };
    }
}
