/// The tiny model that ships with Quern: the text it learns from, its training, and the tour that quantizes it.
///
/// Stands above methods and runtime and uses them as a user would; the only model that needs no download.
@NullMarked
package dev.quern.demo;

import org.jspecify.annotations.NullMarked;
