package dev.quern.methods;

/// Tries the weight method that will follow on a block whose parameters were rewritten: the only true judge of a
/// transform where that method chooses its codes by what it knows of the inputs, and not to the nearest.
@FunctionalInterface
public interface BlockTrial {
    /// The name of its result among a block's figures.
    String FIGURE = "loss-of-codes";

    /// How far the block's output is from the float model's when the weights of `candidate` are chosen and
    /// held as they will be: squares, each token's relative to its own output, on text that nothing was
    /// learned from, though codes may be chosen by it. Infinite where it is no number.
    double error(BlockParameters candidate);
}
