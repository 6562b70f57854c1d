package dev.quern.models;

/// What `convert` wrote: bytes of all files, tensors, and whether each weight reads back as exactly the value it had.
public record ConvertReport(long bytes, int tensors, boolean lossless) {}
