package dev.quern.models;

import dev.quern.core.UsageException;
import dev.quern.formats.Imatrix;
import java.util.Optional;

/// What `convert` makes: `to` is `safetensors`, `gguf`, or `peft` for the adapter alone; `type` how matrices are
/// stored there.
///
/// With `codesOnly` no code is made anew: into GGUF blocks go codes that are there already, dense matrices keep their
/// float type, and a matrix whose codes do not fit is an error. Where `imatrix` is there, the errors of an input count
/// as
/// much as it says. With `requantize` new codes may be chosen for weights that have codes already, which rounds them
/// twice;
/// without it that is an error.
public record ConvertOptions(
        String to, ConvertType type, boolean codesOnly, Optional<Imatrix> imatrix, boolean requantize) {
    public static final String SAFETENSORS = "safetensors";
    public static final String GGUF = "gguf";
    public static final String PEFT = "peft";

    public ConvertOptions(String to, ConvertType type) {
        this(to, type, false, Optional.empty(), false);
    }

    public ConvertOptions(String to, ConvertType type, boolean codesOnly) {
        this(to, type, codesOnly, Optional.empty(), false);
    }

    public ConvertOptions {
        if (!to.equals(SAFETENSORS) && !to.equals(GGUF) && !to.equals(PEFT)) {
            throw new UsageException("--to is " + to + "; known are safetensors, gguf and peft");
        }
        if (to.equals(PEFT) && type.dtype().isEmpty()) {
            throw new UsageException("--dtype " + type + " is none of an adapter's; use f32, bf16 or f16");
        }
        if (to.equals(SAFETENSORS) && type.blocks().isPresent()) {
            throw new UsageException(
                    "--dtype " + type + " exists in GGUF only; for safetensors use f32, bf16, f16, or codes as they are"
                            + " in gptq, gptq_v2, awq or pack-quantized");
        }
        if (to.equals(GGUF) && type.isCodeLayout()) {
            throw new UsageException("--dtype " + type
                    + " exists in safetensors only; for gguf use f32, bf16, f16 or blocks, as q4_k_m");
        }
        if (imatrix.isPresent() && type.blocks().isEmpty()) {
            throw new UsageException(
                    "--imatrix serves the choice of codes, but --dtype " + type + " makes none; use blocks, as q4_k_m");
        }
    }
}
