/// Why it is fast: one class per encoding that multiplies packed weights by activations, beside its scalar oracle.
///
/// Stands between the packed weights of `core` and the executor in `runtime`: `Kernels.prepare` turns a `PackedWeight`
/// into a `PreparedLinear`, `Workers` is the crew that every parallel part runs on. The only package that uses the
/// Vector API.
@NullMarked
package dev.quern.kernels;

import org.jspecify.annotations.NullMarked;
