#!/usr/bin/env python3
"""Makes the golden logits that ArchitectureGoldenTest compares with: Hugging Face transformers runs the tiny models.

Needs Python with torch and transformers; the project itself does not. From the project's root:

  1. write the tiny models:  java -cp <all modules and their jars> dev.quern.testkit.TinyModels DIR
  2. python3 tools/make_architecture_goldens.py DIR testkit/src/test/resources/dev/quern/testkit/goldens

Each golden is float32 [tokens, vocabulary] in NumPy's format; versions.json tells which libraries made them and the
SHA-256 of the weights they belong to.
"""

import hashlib
import json
import pathlib
import sys

import numpy
import torch
import transformers

# Longer than every sliding window and every trained length among the tiny models.
TOKENS = [(7 * i * i + 31 * i + 5) % 285 + 3 for i in range(20)]


def logits(directory: pathlib.Path) -> numpy.ndarray:
    config = transformers.AutoConfig.from_pretrained(directory)
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        directory, config=config, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[key]:
            raise SystemExit(f"{directory.name}: {key} {info[key]}")
    with torch.no_grad():
        return model.eval()(torch.tensor([TOKENS]), use_cache=False).logits[0].numpy()


def main() -> None:
    source, target = map(pathlib.Path, sys.argv[1:3])
    target.mkdir(parents=True, exist_ok=True)
    weights = {}
    for directory in sorted(d for d in source.iterdir() if d.is_dir()):
        numpy.save(target / f"{directory.name}.npy", logits(directory).astype("<f4"))
        weights[directory.name] = hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()
    versions = {
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "tokens": TOKENS,
        "model_safetensors_sha256": weights,
    }
    (target / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
