package dev.quern.models;

/// What a Linear does in a transformer. Methods ask for roles, never for names.
public enum Role {
    Q,
    K,
    V,
    O,
    GATE,
    UP,
    DOWN,
    HEAD
}
