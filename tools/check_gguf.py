"""Loads GGUF files that Quern wrote in llama.cpp and compares. Needs Python, llama-cpp-python and gguf.

    pip install llama-cpp-python==0.3.36 gguf==0.19.0
    python tools/check_gguf.py MODEL [TYPE ...]

For each type: `./quern convert MODEL -o x.gguf --dtype TYPE`, and from that file a second one in F32, which holds the
weights as Quern reads them. Then the gguf package's decoder must give the same weights to the bit, and llama.cpp must
give both files' logits alike: it rounds activations to 8 bits where weights are blocks, which on a small model of random
weights moves logits by some 6 % of their root mean square, in its own files too.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np

QUERN = Path(__file__).resolve().parent.parent / "quern"
TYPES = ["q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "iq4_nl", "iq4_xs", "q4_1", "q4_0",
         "q3_k_l", "q3_k_m", "q3_k_s", "q2_k", "iq3_m", "iq3_s", "iq3_xxs", "iq2_m", "iq2_s", "iq2_xs", "iq2_xxs"]
TOKENS = [1, 40, 77, 120, 5, 260, 281, 33, 90, 14, 200, 61]


def weights(path: Path) -> dict[str, np.ndarray]:
    return {t.name: gguf.quants.dequantize(t.data, t.tensor_type).reshape(-1) for t in gguf.GGUFReader(path).tensors}


def logits(path: Path) -> np.ndarray:
    llm = llama_cpp.Llama(str(path), n_ctx=64, n_batch=64, logits_all=True, verbose=False, n_threads=1)
    llm.eval(TOKENS)
    return np.array(llm.scores[: len(TOKENS)], np.float64)


def main() -> None:
    model, types = sys.argv[1], sys.argv[2:] or TYPES
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for kind in types:
            blocks, floats = Path(folder) / f"{kind}.gguf", Path(folder) / f"{kind}-f32.gguf"
            subprocess.run([QUERN, "convert", model, "-o", blocks, "--dtype", kind], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([QUERN, "convert", blocks, "-o", floats, "--dtype", "f32"], check=True, stdout=subprocess.DEVNULL)
            theirs, ours = weights(blocks), weights(floats)
            same = all(np.array_equal(theirs[name], ours[name]) for name in ours)
            a, b = logits(blocks), logits(floats)
            gap = np.sqrt(((a - b) ** 2).mean() / (b**2).mean())
            good = same and gap < 0.15
            failed |= not good
            print(f"{kind:8} weights {'to the bit' if same else 'DIFFER'}, logits {gap:.3f} of their rms apart"
                  f"{'' if good else '  <-- FAILED'}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
