/// What the network computes: one file per model family, written once over `Ops<T>`.
///
/// Stands between the files (a `Checkpoint` opens one) and the executors (`TorchOps`, `JavaOps`) that run it.
@NullMarked
package dev.quern.models;

import org.jspecify.annotations.NullMarked;
