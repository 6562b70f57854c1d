/// What the bytes of a checkpoint mean: safetensors, GGUF and the layouts of packed weights inside them.
///
/// Stands between the file system and everything else: files become views (`Tensor`, `PackedWeight`) here, and
/// packed weights become files. Files are hostile: each size is checked against the file's length before anything
/// is built.
@NullMarked
package dev.quern.formats;

import org.jspecify.annotations.NullMarked;
