/// How a token is made: the executor that runs a network on packed weights, the KV cache, sampling and the token loop.
///
/// Stands between `models` (what is computed) with `kernels` (how fast) and the commands. No torch: who only runs
/// models installs no native library for it.
@NullMarked
package dev.quern.runtime;

import org.jspecify.annotations.NullMarked;
