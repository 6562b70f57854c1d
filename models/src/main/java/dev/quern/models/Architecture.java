package dev.quern.models;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/// One model family: how its config.json reads and what network it describes.
public interface Architecture {
    /// The family's name, for instance `llama`.
    String name();

    /// Values of `architectures[0]` in config.json that mean this family.
    Set<String> huggingFaceNames();

    /// Value of `general.architecture` in a GGUF file that means this family.
    String ggufName();

    /// True where GGUF files of this family hold q and k rows for interleaved rotary pairs (llama.cpp's convention for
    /// the llama architecture), so that rows must be permuted on the way in and out.
    boolean ggufPermutesQk();

    /// The network that `config` (a Hugging Face config.json) describes; throws `UnsupportedModelException` naming what
    /// it asks for that Quern lacks.
    Network network(JsonNode config);
}
