"""Quern's speed beside llama.cpp's, in turns (A B A B) on the same files. Needs Python, llama-cpp-python and gguf.

    pip install llama-cpp-python gguf
    python tools/versus_llama_cpp.py MODEL.gguf ... [--threads 1,2] [--prompt 512] [--gen 128] [--rounds 3]
    python tools/versus_llama_cpp.py --synthetic 1b --type q4_0,q8_0 --vocabulary MODEL.gguf --folder DIR

`--synthetic` first writes files of random weights of that shape (a vocabulary comes from another GGUF file, since
llama.cpp wants one). Every round starts each program once: it loads, warms up, reads a prompt and generates. Medians
over the rounds, with the range; memory bandwidth is what `quern bench` measures in the same round.
"""

import argparse
import ctypes
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from versus import bench, middle, speeds

# hidden, layers, intermediate, heads, kv heads, vocabulary
SHAPES = {
    "1b": (2048, 22, 5632, 32, 4, 49152),
    "3b": (3072, 28, 8192, 24, 8, 49152),
    "7b": (4096, 32, 11008, 32, 32, 49152),
}


def peer(path: str, threads: int, prompt: int, gen: int) -> None:
    """The peer's side of a round, in a process of its own; prints prompt and decode tokens/s."""
    import llama_cpp as L
    import numpy as np

    quiet = L.llama_log_callback(lambda level, text, data: None)
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
    params = L.llama_context_default_params()
    params.n_ctx = prompt + gen + 16
    params.n_batch = params.n_ubatch = 512
    params.n_threads = params.n_threads_batch = threads
    context = L.llama_init_from_model(model, params)
    vocabulary = L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
    tokens = (L.llama_token * prompt)(*map(int, np.random.default_rng(0).integers(0, vocabulary, prompt)))
    one = (L.llama_token * 1)(1)

    def step(some, n: int) -> None:
        if L.llama_decode(context, L.llama_batch_get_one(some, n)) != 0:
            raise SystemExit("llama.cpp could not decode")
        L.llama_synchronize(context)

    def clear() -> None:
        L.llama_memory_clear(L.llama_get_memory(context), True)

    step(tokens, min(prompt, 64))
    for _ in range(4):
        step(one, 1)
    clear()
    began = time.perf_counter()
    for at in range(0, prompt, 512):
        n = min(512, prompt - at)
        step((L.llama_token * n)(*tokens[at:at + n]), n)
    prompted = time.perf_counter()
    for i in range(gen):
        one[0] = tokens[i % prompt]
        step(one, 1)
    ended = time.perf_counter()
    print(prompt / (prompted - began), gen / (ended - prompted))


def synthetic(shape: str, kind: str, vocabulary: str, folder: Path) -> str:
    """A GGUF file of random weights, written once."""
    import gguf
    import numpy as np

    path = folder / f"synthetic-{shape}-{kind}.gguf"
    if path.exists():
        return str(path)
    hidden, layers, intermediate, heads, kv_heads, vocab = SHAPES[shape]
    quant = gguf.GGMLQuantizationType[kind.upper()]
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path) + ".part", "llama")
    writer.add_context_length(8192)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(intermediate)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(vocab)
    for field in gguf.GGUFReader(vocabulary).fields.values():
        if field.name.startswith("tokenizer.ggml"):
            kinds = field.types
            if kinds[0] == gguf.GGUFValueType.ARRAY:
                writer.add_array(field.name, field.contents())
            else:
                writer.add_key_value(field.name, field.contents(), kinds[0])

    def matrix(name: str, rows: int, cols: int) -> None:
        if quant in (gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.BF16):
            half = (random.standard_normal((rows, cols), dtype=np.float32) / np.sqrt(cols)).astype(np.float16)
            if quant == gguf.GGMLQuantizationType.BF16:
                bits = half.astype(np.float32).view(np.uint32) >> 16
                writer.add_tensor(name, bits.astype(np.uint16).view(np.uint8), raw_dtype=quant)
            else:
                writer.add_tensor(name, half)
            return
        weights, size = gguf.GGML_QUANT_SIZES[quant]
        data = random.integers(0, 256, (rows, cols // weights, size), dtype=np.uint8)
        # float16 scales where the type keeps them
        scale = np.frombuffer(np.float16(0.5 / np.sqrt(cols) / (8 if size < 144 else 400)).tobytes(), np.uint8)
        places = {"Q4_0": [0], "Q8_0": [0], "Q4_1": [0, 2], "Q4_K": [0, 2], "Q6_K": [208]}[quant.name]
        for place in places:
            data[:, :, place:place + 2] = scale
        writer.add_tensor(name, data.reshape(rows, -1), raw_dtype=quant)

    matrix("token_embd.weight", vocab, hidden)
    matrix("output.weight", vocab, hidden)
    writer.add_tensor("output_norm.weight", np.ones(hidden, np.float32))
    kv = hidden // heads * kv_heads
    for i in range(layers):
        writer.add_tensor(f"blk.{i}.attn_norm.weight", np.ones(hidden, np.float32))
        writer.add_tensor(f"blk.{i}.ffn_norm.weight", np.ones(hidden, np.float32))
        matrix(f"blk.{i}.attn_q.weight", hidden, hidden)
        matrix(f"blk.{i}.attn_k.weight", kv, hidden)
        matrix(f"blk.{i}.attn_v.weight", kv, hidden)
        matrix(f"blk.{i}.attn_output.weight", hidden, hidden)
        matrix(f"blk.{i}.ffn_gate.weight", intermediate, hidden)
        matrix(f"blk.{i}.ffn_up.weight", intermediate, hidden)
        matrix(f"blk.{i}.ffn_down.weight", hidden, intermediate)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.rename(str(path) + ".part", path)
    return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--gen", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--synthetic", choices=SHAPES)
    parser.add_argument("--type", default="q4_0")
    parser.add_argument("--vocabulary")
    parser.add_argument("--folder", type=Path, default=Path("."))
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        peer(args.models[0], int(args.threads), args.prompt, args.gen)
        return
    models = list(args.models)
    if args.synthetic:
        if not args.vocabulary:
            parser.error("--synthetic needs --vocabulary, a GGUF file with a tokenizer of 49152 tokens")
        models += [synthetic(args.synthetic, kind, args.vocabulary, args.folder) for kind in args.type.split(",")]
    print("| model | threads | prompt: Quern | llama.cpp | ratio | decode: Quern | llama.cpp | ratio"
          " | Quern reads, of the memory's GB/s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for model in models:
        for threads in map(int, args.threads.split(",")):
            ours, theirs, reads = ([], []), ([], []), []
            for _ in range(args.rounds):
                result = bench(model, threads, args.prompt, args.gen)
                for values, value in zip(ours, speeds(result)):
                    values.append(value)
                reads.append((result["read_bytes_per_second"], result["memory_bandwidth_bytes_per_second"]))
                done = subprocess.run(
                    [sys.executable, __file__, "--peer", model, "--prompt", str(args.prompt), "--gen", str(args.gen),
                     "--threads", str(threads)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
                for values, value in zip(theirs, done.stdout.split()[-2:]):
                    values.append(float(value))
            ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(ours, theirs)]
            read = statistics.median(r for r, _ in reads) / 1e9
            most = statistics.median(b for _, b in reads) / 1e9
            print(f"| {Path(model).stem} | {threads} | {middle(ours[0])} | {middle(theirs[0])} | {ratios[0]:.2f}"
                  f" | {middle(ours[1])} | {middle(theirs[1])} | {ratios[1]:.2f}"
                  f" | {read:.1f} of {most:.1f} ({100 * read / most:.0f} %) |", flush=True)


if __name__ == "__main__":
    main()
