package dev.quern.models;

import org.jspecify.annotations.Nullable;

/// What travels between the stages of a block: the residual stream and, inside attention or feed-forward, the value
/// that
/// the next stage's Linears read.
public record Flow<T>(T residual, @Nullable T inner) {
    public Flow(T residual) {
        this(residual, null);
    }

    /// The inner value; a stage that needs it stands behind one that made it.
    public T requireInner() {
        if (inner == null) {
            throw new IllegalStateException("the stage before this one made no inner value");
        }
        return inner;
    }
}
