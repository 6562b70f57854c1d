/// How weights are chosen: one class per quantization method, recipes that combine them, and the pipeline that takes a
/// model through a recipe block by block.
///
/// Stands between the models (whose stages it walks) and the formats (which store what it produced). A method sees one
/// Linear and what is known of its inputs; it never sees the file system.
@NullMarked
package dev.quern.methods;

import org.jspecify.annotations.NullMarked;
