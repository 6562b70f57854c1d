"""Loads what Quern writes in the packages that own each layout and compares. Needs Python and those packages.

    pip install torch transformers==5.17.0 gptqmodel==7.6.0 bitsandbytes==0.50.2 compressed-tensors==0.19.0 peft==0.21.2
    pip install --no-deps autoawq==0.2.9 vptq==0.0.5.post1 optimum && pip install sentence_transformers
    python tools/check_peers.py MODEL [--ordered GPTQ_MODEL] [--adapter FOLDER] [CASE ...]

MODEL is a small float model whose rows are multiples of 128 (a seeded one will do), GPTQ_MODEL one of the same shapes
whose codes were chosen in activation order (GPTQModel writes such), FOLDER a LoRA adapter for MODEL that PEFT wrote.

For each case: Quern writes the model, and a second one in float32 from that, which holds the weights as Quern reads
them. The package loads the first, and dequantizes it with its own code: `weights` is the largest difference between the
two in any element. `logits` is the largest difference between the package's own forward pass and that of the second
model in transformers, over the largest logit. GGUF has its own script, check_gguf.py.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file

warnings.filterwarnings("ignore")
transformers.utils.logging.disable_progress_bar()
QUERN = Path(__file__).resolve().parent.parent / "quern"
TOKENS = torch.tensor([[288, 216, 139, 219, 153, 241, 68, 158, 78, 94, 12, 316, 231, 36, 32, 226]])


def quern(*arguments) -> None:
    done = subprocess.run([QUERN, *map(str, arguments)], capture_output=True, text=True)
    # seeded weights do not survive 2 bits, and Quern says so; the files are what is looked at here
    if done.returncode != 0 and "written all the same" not in done.stderr:
        raise RuntimeError(f"quern {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def logits(model) -> np.ndarray:
    with torch.no_grad():
        return model(TOKENS).logits[0].float().numpy()


def floats(folder: Path):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def replaced(folder: Path, weights: dict, base: Path) -> np.ndarray:
    """Logits of the float model `base` with `weights` in their places."""
    model = floats(base)
    state = model.state_dict()
    state.update({name: weight.float() for name, weight in weights.items()})
    model.load_state_dict(state)
    return logits(model)


def gptqmodel(folder: Path, base: Path):
    from gptqmodel import BACKEND, GPTQModel

    model = GPTQModel.load(str(folder), device="cpu", backend=BACKEND.TORCH, dtype=torch.float16).model
    own = logits(model)
    found = {}
    for name, module in model.named_modules():
        if type(module).__name__ == "AwqTorchLinear":
            from gptqmodel.nn_modules.qlinear.torch_awq import dequantize_gemm

            found[name + ".weight"] = dequantize_gemm(
                qweight=module.qweight, qzeros=module.qzeros, scales=module.scales.float(), bits=4,
                group_size=module.group_size).T.contiguous()
        elif hasattr(module, "dequantize_weight"):
            # the kernels compute in float16; what the file holds is seen with scales in float32
            module.scales = module.scales.float()
            if hasattr(module, "_cached_weights"):
                module._cached_weights.clear()
            found[name + ".weight"] = module.dequantize_weight().T.contiguous()
    return found, own


def autoawq(folder: Path, base: Path):
    from awq.utils.packing_utils import dequantize_gemm

    group = json.loads((folder / "config.json").read_text())["quantization_config"]["group_size"]
    stored = load_file(folder / "model.safetensors")
    found = {}
    for name in stored:
        if name.endswith(".qweight"):
            module = name[: -len(".qweight")]
            size = group if group > 0 else stored[name].shape[0]
            found[module + ".weight"] = dequantize_gemm(
                stored[name], stored[module + ".qzeros"], stored[module + ".scales"].float(), 4, size).T.contiguous()
    return found, replaced(folder, found, base)


def bitsandbytes(folder: Path, base: Path):
    import bitsandbytes as bnb

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map="cpu")
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, bnb.nn.Linear4bit):
            found[name + ".weight"] = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)
        elif isinstance(module, bnb.nn.Linear8bitLt):
            largest = module.weight.SCB if module.weight.SCB is not None else module.state.SCB
            found[name + ".weight"] = module.weight.data.float() * largest[:, None] / 127
    return found, logits(model)


def compressed_tensors(folder: Path, base: Path):
    kept = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map="cpu")
    own = logits(kept)
    settings = transformers.CompressedTensorsConfig(run_compressed=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, device_map="cpu", quantization_config=settings)
    found = {name: weight for name, weight in model.state_dict().items() if name.endswith("_proj.weight")}
    return found, own


def peft(folder: Path, base: Path):
    from peft import PeftModel

    model = PeftModel.from_pretrained(floats(base), folder)
    own = logits(model)
    merged = model.merge_and_unload()
    return {name: weight for name, weight in merged.state_dict().items() if name.endswith("_proj.weight")}, own


def vptq(folder: Path, base: Path):
    # its own loader wants an older transformers; the layer with its torch path for CPUs is what reads the file
    import vptq.ops.quant_gemm as kernels
    from vptq import VQuantLinear

    setattr(kernels, "__cuda_ops_installed", False)
    stored = load_file(folder / "model.safetensors")
    layers = json.loads((folder / "config.json").read_text())["quantization_config"]["config_for_layers"]
    model, found = floats(base), {}
    for name, settings in layers.items():
        layer = VQuantLinear(**settings, enable_proxy_error=False, dtype=torch.float32)
        state = {key[len(name) + 1:]: value for key, value in stored.items() if key.startswith(name + ".")}
        layer.load_state_dict(state)
        with torch.no_grad():
            found[name + ".weight"] = layer(torch.eye(layer.in_features)).T.contiguous()
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, layer)
    return found, logits(model)


# GPTQModel's and bitsandbytes' kernels for CPUs compute in 16 bits; inputs that are rounded to 8 bits (int-w8a8, llm-int8)
# are not in the second model
TOLERANCE = {gptqmodel: 0.02, autoawq: 1e-4, bitsandbytes: 0.1, compressed_tensors: 0.1, peft: 1e-4, vptq: 1e-4}


def cases(options) -> dict:
    model = options.model
    rtn = ["quantize", model, "-o", "{out}", "--method", "rtn"]
    known = {}
    for bits in (2, 3, 4, 8):
        for kind in ("symmetric", "asymmetric"):
            known[f"gptq-w{bits}-{kind}"] = (gptqmodel, [rtn + ["--bits", bits, "--group-size", 64, f"--{kind}"]])
    known["gptq-w4-rows"] = (gptqmodel, [rtn + ["--bits", 4, "--group-size", 0]])
    known["gptq-w4-excluded"] = (gptqmodel, [rtn + ["--group-size", 64, "--exclude", "down_proj"]])
    four = rtn[:3] + ["{tmp}"] + rtn[4:] + ["--group-size", 64]
    for kind in ("symmetric", "asymmetric"):
        first = four + [f"--{kind}"]
        known[f"gptq-v2-{kind}"] = (gptqmodel, [first, ["convert", "{tmp}", "-o", "{out}", "--dtype", "gptq_v2"]])
        known[f"awq-{kind}"] = (autoawq, [first, ["convert", "{tmp}", "-o", "{out}", "--dtype", "awq"]])
        known[f"awq-{kind}-in-gptqmodel"] = (gptqmodel, known[f"awq-{kind}"][1])
        pack = ["convert", "{tmp}", "-o", "{out}", "--dtype", "pack-quantized"]
        known[f"pack-w4-{kind}"] = (compressed_tensors, [first, pack])
        eight = four + ["--bits", 8, f"--{kind}"]
        known[f"pack-w8-{kind}"] = (compressed_tensors, [eight, pack])
        for bits in (5, 6):
            known[f"pack-w{bits}-{kind}"] = (compressed_tensors, [rtn + ["--bits", bits, "--group-size", 64, f"--{kind}"]])
        known[f"pack-w3-{kind}"] = (compressed_tensors, [four + ["--bits", 3, f"--{kind}"], pack])
    known["pack-w4-excluded"] = (compressed_tensors, [four + ["--exclude", "down_proj"], pack])
    known["awq-excluded-in-gptqmodel"] = (gptqmodel, [four + ["--exclude", "down_proj"], known["awq-symmetric"][1][1]])
    if options.ordered:
        known["gptq-ordered"] = (gptqmodel, [["convert", options.ordered, "-o", "{out}", "--dtype", "gptq_v2"]])
    known["int-w8a8"] = (compressed_tensors, [rtn + ["--bits", 8, "--group-size", 0, "--symmetric", "--act-bits", 8]])
    for kind in ("nf4", "fp4"):
        for nested in ("false", "true"):
            name = kind + ("-double" if nested == "true" else "")
            known[name] = (bitsandbytes, [["quantize", model, "-o", "{out}", "--method", kind, "--set", f"double-quant={nested}"]])
    known["nf4-excluded"] = (bitsandbytes, [["quantize", model, "-o", "{out}", "--method", "nf4", "--exclude", "down_proj"]])
    known["llm-int8"] = (bitsandbytes, [["quantize", model, "-o", "{out}", "--method", "llm-int8", "--set", "outliers=false"]])
    if options.calibration:
        text = ["--calibration", options.calibration, "--samples", 8, "--seq-len", 64]
        known["llm-int8-outliers"] = (bitsandbytes, [["quantize", model, "-o", "{out}", "--method", "llm-int8", *text]])
        known["gptq-w4-calibrated"] = (gptqmodel, [["quantize", model, "-o", "{out}", "--method", "gptq", "--group-size", 64, *text]])
        small = ["--set", "centroids=64", "--set", "residual-centroids=16"]
        known["vptq"] = (vptq, [["quantize", model, "-o", "{out}", "--method", "vptq", *small, *text]])
    if options.adapter:
        known["peft"] = (peft, [["convert", model, "--adapter", options.adapter, "-o", "{out}", "--to", "peft", "--dtype", "f32"]])
    return known


def check(name: str, loader, steps, options, folder: Path) -> bool:
    places = {"{out}": folder / name, "{tmp}": folder / (name + "-first")}
    for step in steps:
        quern(*[places.get(argument, argument) for argument in step])
    dense = folder / (name + "-f32")
    if loader is peft:
        quern("convert", options.model, "--adapter", places["{out}"], "-o", dense, "--dtype", "f32")
    else:
        quern("convert", places["{out}"], "-o", dense, "--dtype", "f32")
    ours = load_file(dense / "model.safetensors")
    package = loader.__name__.replace("_", "-")
    theirs, own = loader(places["{out}"], Path(options.model) if loader is peft else dense)
    gap = max((float((theirs[n].float() - ours[n].float()).abs().max()) for n in theirs), default=float("nan"))
    wanted = logits(floats(dense))
    apart = float(np.abs(own - wanted).max() / np.abs(wanted).max())
    print(f"{name:28} {package:18} {importlib.metadata.version(package):12} {len(theirs):4} {gap:10.2e} {apart:10.2e}", flush=True)
    # bitsandbytes finds outliers as it runs: it reads the codes that Quern's own columns override
    # peft merges in another order of float32 sums
    allowed = {"llm-int8-outliers": 0.02, "peft": 1e-6}.get(name, 0)
    return bool(theirs) and gap <= allowed and apart < TOLERANCE[loader]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--ordered")
    parser.add_argument("--adapter")
    parser.add_argument("--calibration", help="text, for methods that calibrate")
    parser.add_argument("case", nargs="*")
    options = parser.parse_intermixed_args()
    known = cases(options)
    failed = []
    print(f"{'case':28} {'package':18} {'version':12} {'mats':>4} {'weights':>10} {'logits':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.case or known:
            try:
                good = check(name, *known[name], options, Path(folder))
            except Exception as e:  # one package's failure must not hide the others
                print(f"{name:28} {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"[:300], flush=True)
                good = False
            if not good:
                failed.append(name)
    print("all agree" if not failed else "DIFFER: " + ", ".join(failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
