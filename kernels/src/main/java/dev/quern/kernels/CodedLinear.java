package dev.quern.kernels;

/// A weight that machine code multiplies by the codes of a token's inputs (`InputBlocks`), so many panels of rows at a
/// time.
interface CodedLinear extends PreparedLinear {
    /// The order of the inputs.
    InputOrder order();

    /// Blocks of 32 inputs of a row.
    int blocks();

    /// Levels of the inputs' codes.
    int levels();

    /// Panels of rows, the units in which workers share the work.
    int panelCount();

    /// Rows of a panel.
    int panelRows();

    /// Sets the `count · panelRows()` floats at address `y` to the products of the panels from `from` on with the
    /// records at address `inputs`. Nothing is checked.
    void token(int from, int count, long inputs, long y);
}
