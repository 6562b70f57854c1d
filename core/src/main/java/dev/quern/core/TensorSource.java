package dev.quern.core;

import java.util.Set;

/// Named tensors that can be looked at one by one, without loading the rest.
public interface TensorSource {
    /// Names in the order of the file.
    Set<String> names();

    /// The tensor called `name`; throws `IllegalArgumentException` naming it when there is none.
    Tensor tensor(String name);
}
