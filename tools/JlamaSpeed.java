import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import com.github.tjake.jlama.util.PhysicalCoreExecutor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;

/// Jlama's speeds as `tools/versus.py` reads them: four generations, each with its own times; the first three warm up.
///
///     java JlamaSpeed.java quantize MODEL OUT                         # its Q4; MODEL has a README.md, as it wants
///     java JlamaSpeed.java MODEL THREADS PROMPT.txt TOKENS            # TOKENS with the prompt
///
/// Jlama's jars are on the class path; no part of Quern's build.
public final class JlamaSpeed {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("quantize")) {
            String[] none = {};
            SafeTensorSupport.quantizeModel(Path.of(args[1]), DType.Q4, none, none, Optional.of(Path.of(args[2])));
            return;
        }
        PhysicalCoreExecutor.overrideThreadCount(Integer.parseInt(args[1]));
        AbstractModel model = ModelSupport.loadModel(Path.of(args[0]).toFile(), DType.F32, DType.I8);
        String prompt = Files.readString(Path.of(args[2]));
        int tokens = Integer.parseInt(args[3]);
        for (int i = 0; i < 4; i++) {
            var done = model.generate(UUID.randomUUID(), PromptContext.of(prompt), 0f, tokens, (_, _) -> {});
            System.out.printf(
                    "prompt of %d: %.1f tokens/s, %d generated: %.1f tokens/s%n",
                    done.promptTokens,
                    done.promptTokens * 1e3 / done.promptTimeMs,
                    done.generatedTokens,
                    done.generatedTokens * 1e3 / done.generateTimeMs);
        }
        System.exit(0);
    }
}
