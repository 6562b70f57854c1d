"""Seconds from the start of `quern generate` to the first letter, each time in a process of its own, and to the end.

    python tools/first_token.py MODEL ... [--runs 5] [--quern DIR/bin/quern]

The first run, which may build and writes the archive of classes, is not counted.
"""

import argparse
import statistics
import subprocess
import time
from pathlib import Path

QUERN = Path(__file__).parent.parent / "quern"


def seconds(quern: Path, model: str) -> tuple[float, float]:
    """To the first byte on stdout, and to the end."""
    command = [quern, "generate", model, "-p", "Once upon a time there was", "--max-tokens", "16", "--temperature", "0"]
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if not process.stdout.read(1):
            raise SystemExit(f"{model}: nothing was generated")
        first = time.monotonic() - begun
        process.stdout.read()
    return first, time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quern", type=Path, default=QUERN, help="that of a distribution")
    args = parser.parse_args()
    for model in args.models:
        seconds(args.quern, model)
        runs = [seconds(args.quern, model) for _ in range(args.runs)]
        for name, times in zip(("first letter", "end"), zip(*runs)):
            print(f"{model}: {name} {statistics.median(times):.2f} s ({min(times):.2f}–{max(times):.2f})")


main()
