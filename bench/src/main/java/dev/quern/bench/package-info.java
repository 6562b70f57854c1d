/// Is it fast? Measures every kernel of `Kernels.ALL` on every encoding, with JMH and in a quick table.
///
/// Stands beside the way of the data: nothing depends on it. How to run it and what it printed: `docs/benchmarks.md`.
@NullMarked
package dev.quern.bench;

import org.jspecify.annotations.NullMarked;
