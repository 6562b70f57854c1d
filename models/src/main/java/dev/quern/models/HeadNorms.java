package dev.quern.models;

/// Norms over each head of the queries and of the keys, before the rotary embedding.
public record HeadNorms(Norm q, Norm k) {}
