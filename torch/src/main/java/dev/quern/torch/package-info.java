/// Tensors with gradients, over libtorch: the only module that knows it.
///
/// Stands beside the runtime: the same `Network` runs here in float32 with gradients, for calibration and training, and
/// as the reference that packed weights are measured against. Everything native lives in a `TorchScope`.
@NullMarked
package dev.quern.torch;

import org.jspecify.annotations.NullMarked;
