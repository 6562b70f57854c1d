package dev.quern.models;

/// The token table `[vocabSize, hiddenSize]`; looked-up rows are multiplied by `scale`.
public record Embedding(String name, int vocabSize, int hiddenSize, float scale) {}
