"""Quern's speed beside another program's, in turns (A B A B).

    python tools/versus.py MODEL --peer COMMAND [--threads 2] [--prompt 512] [--gen 128] [--rounds 3]

COMMAND is any that reads a prompt, generates and prints its speeds as `12.3 tokens/s` or `12.3 tok/s`, the prompt's before
the generation's; its last two count, so it may warm up first. Give Quern a prompt and a generation as long as its. MODEL may
be Quern's own file of the same weights. Medians over the rounds, with the range.
"""

import argparse
import json
import re
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

QUERN = Path(__file__).resolve().parent.parent / "quern"


def bench(model: str, threads: int, prompt: int, gen: int) -> dict:
    """What one run of `quern bench` prints as JSON."""
    done = subprocess.run(
        [QUERN, "bench", model, "--json", "--repeat", "1", "--prompt-tokens", str(prompt), "--gen-tokens", str(gen),
         "--threads", str(threads)], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def speeds(result: dict) -> tuple[float, float]:
    """Prompt and decode tokens/s."""
    return result["prefill_tokens_per_second"], result["decode_tokens_per_second"]


def middle(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def theirs(command: str) -> tuple[float, float]:
    """The last two speeds that the command prints."""
    done = subprocess.run(
        shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    found = re.findall(r"([0-9.]+) tok(?:ens)?/s", done.stdout)
    if done.returncode != 0 or len(found) < 2:
        sys.exit(f"versus: the peer ended with {done.returncode} and printed {len(found)} speeds, two are wanted:\n"
                 + done.stdout[-2000:])
    return float(found[-2]), float(found[-1])


def row(name: str, quern: list[float], peer: list[float]) -> str:
    """A line of the table."""
    ratio = statistics.median(quern) / statistics.median(peer)
    return f"| {name} | {middle(quern)} | {middle(peer)} | {ratio:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--gen", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rounds = []
    for _ in range(args.rounds):
        rounds.append((speeds(bench(args.model, args.threads, args.prompt, args.gen)), theirs(args.peer)))
    print("| tokens/s | Quern | peer | ratio |\n|---|---:|---:|---:|")
    for i, name in enumerate(("prompt", "decode")):
        print(row(name, [q[i] for q, _ in rounds], [p[i] for _, p in rounds]))


if __name__ == "__main__":
    main()
