/// What a quantized weight is: tensors as views of memory, and one record per encoding with its scalar unpack.
///
/// Stands at the root of the data's way: every other module speaks in these types.
@NullMarked
package dev.quern.core;

import org.jspecify.annotations.NullMarked;
