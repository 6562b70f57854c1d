/// Was it worth it: what a model predicts, measured by protocols whose numbers others publish.
///
/// Stands behind `runtime` (or any other executor, through `LogitModel`) and before the commands.
@NullMarked
package dev.quern.eval;

import org.jspecify.annotations.NullMarked;
