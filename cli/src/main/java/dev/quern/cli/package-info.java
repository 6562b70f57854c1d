/// The commands: options in, the modules' results out as text or JSON. No logic of its own.
///
/// Stands at the end of the data's way; `Quern` is the program, `Cli` the parser, each command one class.
@NullMarked
package dev.quern.cli;

import org.jspecify.annotations.NullMarked;
