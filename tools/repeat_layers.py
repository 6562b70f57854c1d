"""Makes a model deeper by repeating its layers: a way to see that memory does not grow with depth.

    python3 tools/repeat_layers.py MODEL_DIR OUT_DIR TIMES

MODEL_DIR holds config.json and one model.safetensors. Only the standard library is needed.
"""

import json
import re
import shutil
import struct
import sys
from pathlib import Path

LAYER = re.compile(r"^model\.layers\.(\d+)\.")
CHUNK = 1 << 24


def main(source: Path, target: Path, times: int) -> None:
    config = json.loads((source / "config.json").read_text())
    layers = config["num_hidden_layers"]
    config["num_hidden_layers"] = layers * times
    if "layer_types" in config:
        config["layer_types"] *= times
    target.mkdir(parents=True)
    (target / "config.json").write_text(json.dumps(config, indent=2))
    for file in source.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "config.json":
            shutil.copy(file, target)

    with open(source / "model.safetensors", "rb") as read:
        (length,) = struct.unpack("<Q", read.read(8))
        header = json.loads(read.read(length))
        data = 8 + length
        metadata = header.pop("__metadata__", {})
        entries, at = {}, 0
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
            match = LAYER.match(name)
            size = entry["data_offsets"][1] - entry["data_offsets"][0]
            for copy in range(times if match else 1):
                number = f"model.layers.{int(match[1]) + copy * layers}." if match else ""
                renamed = LAYER.sub(number, name) if match else name
                entries[renamed] = (entry, at)
                at += size
        written = {
            name: {"dtype": entry["dtype"], "shape": entry["shape"],
                   "data_offsets": [start, start + entry["data_offsets"][1] - entry["data_offsets"][0]]}
            for name, (entry, start) in entries.items()
        }
        text = json.dumps({"__metadata__": metadata, **written}).encode()
        text += b" " * (-len(text) % 8)
        with open(target / "model.safetensors", "wb") as write:
            write.write(struct.pack("<Q", len(text)) + text)
            for entry, _ in entries.values():
                begin, end = entry["data_offsets"]
                read.seek(data + begin)
                left = end - begin
                while left:
                    part = read.read(min(left, CHUNK))
                    write.write(part)
                    left -= len(part)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
