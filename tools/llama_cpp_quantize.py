"""Quantizes a GGUF file by llama.cpp itself, to compare with Quern's own. Needs Python, llama-cpp-python and gguf.

    pip install llama-cpp-python==0.3.36 gguf==0.19.0
    python tools/llama_cpp_quantize.py FLOATS.gguf OUT.gguf TYPE [--imatrix IMATRIX.gguf]
"""

import argparse
import ctypes

import gguf
import llama_cpp
import numpy as np

TYPES = {"q4_0": 2, "q4_1": 3, "q8_0": 7, "q2_k": 10, "q3_k_m": 12, "q4_k_s": 14, "q4_k_m": 15, "q5_k_m": 17, "q6_k": 18,
         "iq4_nl": 25, "iq3_s": 26, "iq4_xs": 30}


def importances(path: str):
    """The means of each matrix's squared inputs as llama.cpp takes them: an array that ends with an entry of zeros."""
    tensors = {t.name: np.array(t.data, np.float32).reshape(-1) for t in gguf.GGUFReader(path).tensors}
    names = [name[: -len(".in_sum2")] for name in tensors if name.endswith(".in_sum2")]
    entries = (llama_cpp.llama_model_imatrix_data * (len(names) + 1))()
    kept = []
    for entry, name in zip(entries, names):
        means = np.ascontiguousarray(tensors[name + ".in_sum2"] / tensors[name + ".counts"][0])
        kept.append(means)
        entry.name = name.encode()
        entry.data = means.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = means.size
    return entries, kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("floats")
    parser.add_argument("out")
    parser.add_argument("type", choices=TYPES)
    parser.add_argument("--imatrix")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = TYPES[args.type]
    params.nthread = args.threads
    if args.imatrix:
        entries, kept = importances(args.imatrix)
        params.imatrix = ctypes.cast(entries, ctypes.POINTER(llama_cpp.llama_model_imatrix_data))
    failed = llama_cpp.llama_model_quantize(args.floats.encode(), args.out.encode(), ctypes.byref(params))
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
