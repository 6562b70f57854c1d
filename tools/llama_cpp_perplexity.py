"""Perplexity of a GGUF file by llama.cpp itself, to compare with Quern's own figure. Needs Python and llama-cpp-python.

    pip install llama-cpp-python
    python tools/llama_cpp_perplexity.py MODEL.gguf TEXT.txt [--chunks 64] [--context 512]

Protocol of llama.cpp's perplexity tool: chunks of `context` tokens, the beginning-of-sequence token written over the
first of each where the model wants one, the second half of each chunk scored.
"""

import argparse
import math

import llama_cpp
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--chunks", type=int, default=64)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    llm = llama_cpp.Llama(args.model, n_ctx=args.context, n_batch=args.context, n_ubatch=args.context,
                          n_threads=args.threads, n_threads_batch=args.threads, logits_all=True, verbose=False)
    add_bos = llm.metadata.get("tokenizer.ggml.add_bos_token", "false") == "true"
    with open(args.text, "rb") as f:
        tokens = llm.tokenize(f.read(), add_bos=add_bos, special=False)

    first = args.context // 2
    losses = []
    for chunk in range(min(args.chunks, len(tokens) // args.context)):
        window = tokens[chunk * args.context:(chunk + 1) * args.context]
        if add_bos:
            window[0] = llm.token_bos()
        llm.reset()
        llm.eval(window)
        logits = np.asarray(llm.scores[:args.context], np.float64)
        for position in range(first, args.context - 1):
            row = logits[position]
            top = row.max()
            losses.append(top + math.log(np.exp(row - top).sum()) - row[window[position + 1]])
    mean = float(np.mean(losses))
    error = math.exp(mean) * float(np.std(losses)) / math.sqrt(len(losses) - 1)
    print(f"llama-cpp-python {llama_cpp.__version__}: perplexity {math.exp(mean):.4f} +/- {error:.4f}"
          f" ({chunk + 1} chunks of {args.context}, {len(losses)} tokens, add_bos {add_bos})")


if __name__ == "__main__":
    main()
