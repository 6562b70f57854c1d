package dev.quern.methods;

/// How a block's codebooks are trained once all of its Linears are chosen: times over the calibration sequences, and
/// the
/// step as a share of each parameter's size.
public record Tuning(int epochs, double rate) {}
