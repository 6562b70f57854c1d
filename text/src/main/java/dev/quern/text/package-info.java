/// How text becomes tokens and messages become text: the tokenizer, its GGUF form and the chat template.
///
/// Stands between a checkpoint's text files and the token numbers that a model reads and writes. What a model brings
/// along is hostile here as everywhere: templates run in an interpreter of our own without reflection and with limits.
@NullMarked
package dev.quern.text;

import org.jspecify.annotations.NullMarked;
