package dev.quern.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.quern.core.DType;
import dev.quern.core.Tensor;
import dev.quern.formats.Safetensors;
import dev.quern.formats.TensorPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The demo model's directory: what each of its files says.
final class DemoFiles {
    static final int VOCABULARY = 1024;
    static final int HIDDEN = 256;
    static final int INTERMEDIATE = 512;
    static final int LAYERS = 4;
    static final int HEADS = 8;
    static final int KV_HEADS = 4;
    static final int POSITIONS = 512;
    static final List<String> SPECIALS = List.of(DemoText.END, DemoText.TURN, DemoText.TURN_END);

    private static final String TEMPLATE = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n'"
            + " + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}"
            + "{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static final ObjectMapper JSON = new ObjectMapper();

    private DemoFiles() {}

    /// config.json: a Llama with tied embeddings. All sizes divide into groups of 128.
    static ObjectNode config() {
        ObjectNode config = JSON.createObjectNode();
        config.putArray("architectures").add("LlamaForCausalLM");
        return config.put("model_type", "llama")
                .put("torch_dtype", "bfloat16")
                .put("vocab_size", VOCABULARY)
                .put("hidden_size", HIDDEN)
                .put("intermediate_size", INTERMEDIATE)
                .put("num_hidden_layers", LAYERS)
                .put("num_attention_heads", HEADS)
                .put("num_key_value_heads", KV_HEADS)
                .put("head_dim", HIDDEN / HEADS)
                .put("hidden_act", "silu")
                .put("rms_norm_eps", 1e-5)
                .put("rope_theta", 10000.0)
                .put("max_position_embeddings", POSITIONS)
                .put("tie_word_embeddings", true)
                .put("attention_bias", false)
                .put("mlp_bias", false)
                .put("bos_token_id", 0)
                .put("eos_token_id", 0);
    }

    /// Writes config.json, tokenizer.json, tokenizer_config.json and generation_config.json.
    static void writeText(Path directory, BpeTrainer.Vocabulary vocabulary) {
        try {
            Files.createDirectories(directory);
            write(directory.resolve("config.json"), config());
            write(directory.resolve("tokenizer.json"), tokenizer(vocabulary));
            ObjectNode tokenizerConfig = JSON.createObjectNode()
                    .put("tokenizer_class", "PreTrainedTokenizerFast")
                    .put("bos_token", DemoText.END)
                    .put("eos_token", DemoText.END)
                    .put("add_bos_token", false)
                    .put("model_max_length", POSITIONS)
                    .put("clean_up_tokenization_spaces", false)
                    .put("chat_template", TEMPLATE);
            write(directory.resolve("tokenizer_config.json"), tokenizerConfig);
            ObjectNode generation = JSON.createObjectNode().put("bos_token_id", 0);
            generation.putArray("eos_token_id").add(0).add(SPECIALS.indexOf(DemoText.TURN_END));
            write(directory.resolve("generation_config.json"), generation);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Copies all but the weights from another model's directory.
    static void copyText(Path from, Path to) {
        try {
            Files.createDirectories(to);
            for (String name : DemoModel.FILES) {
                if (!name.equals(Safetensors.SINGLE)) {
                    Files.copy(from.resolve(name), to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, ObjectNode node) throws IOException {
        Files.writeString(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n");
    }

    private static ObjectNode tokenizer(BpeTrainer.Vocabulary vocabulary) {
        ObjectNode root = JSON.createObjectNode().put("version", "1.0");
        root.putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int i = 0; i < SPECIALS.size(); i++) {
            added.addObject()
                    .put("id", i)
                    .put("content", SPECIALS.get(i))
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        root.putNull("normalizer");
        byteLevel(root.putObject("pre_tokenizer"));
        byteLevel(root.putObject("post_processor")).put("trim_offsets", false);
        byteLevel(root.putObject("decoder"));
        ObjectNode model = root.putObject("model").put("type", "BPE");
        model.putNull("dropout").putNull("unk_token").putNull("continuing_subword_prefix");
        model.putNull("end_of_word_suffix").put("fuse_unk", false).put("byte_fallback", false);
        ObjectNode vocab = model.putObject("vocab");
        for (int i = 0; i < vocabulary.tokens().size(); i++) {
            vocab.put(vocabulary.tokens().get(i), i);
        }
        ArrayNode merges = model.putArray("merges");
        vocabulary.merges().forEach(merges::add);
        return root;
    }

    private static ObjectNode byteLevel(ObjectNode node) {
        return node.put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    /// True for a file of weights; the state of a training that lies beside them is none.
    static boolean isWeights(Path file) {
        String name = file.getFileName().toString();
        return name.startsWith("model") && name.endsWith(".safetensors");
    }

    /// Writes model.safetensors in BF16, the parameters in the given order.
    static void writeWeights(Path directory, Map<String, Tensor> parameters) {
        List<TensorPlan> plans = new ArrayList<>();
        parameters.forEach((name, tensor) -> plans.add(new TensorPlan(
                name,
                DType.BF16,
                tensor.shape(),
                () -> Tensor.of(DType.BF16, tensor.toFloats(), tensor.shape().sizes()))));
        Safetensors.write(directory.resolve(Safetensors.SINGLE), plans, Map.of("format", "pt"));
    }
}
