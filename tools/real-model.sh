#!/usr/bin/env bash
# The figures of README.md and docs on a real model: converts it to float32, measures it in both executors and protocols,
# quantizes it by round-to-nearest and GPTQ, and measures what was written.
#
#   tools/real-model.sh MODEL.gguf WIKITEXT_DIR [WORK_DIR]
#
# WIKITEXT_DIR holds valid.txt (calibration) and test.txt (evaluation). Takes some 40 minutes on 2 cores.
set -euo pipefail
quern=$(cd "$(dirname "$0")/.." && pwd)/quern
model=$1 data=$2 work=${3:-$(mktemp -d)}
mkdir -p "$work"
say() { printf '\n== %s\n' "$*"; }
ppl() { "$quern" eval "$1" --task perplexity --data "$data/test.txt" "${@:2}"; }

say "float32 reference"
[ -e "$work/f32" ] || "$quern" convert "$model" -o "$work/f32" --to safetensors --dtype f32
ppl "$work/f32" --protocol paper --window 2048 --max-windows 16
ppl "$work/f32" --protocol paper --window 2048 --max-windows 16 --executor torch
ppl "$work/f32" --protocol llama.cpp --max-windows 64
ppl "$work/f32" --protocol paper --window 2048 --max-windows 4

for bits in 4 3; do
    for method in rtn gptq; do
        say "$method, $bits bits, groups of 64, asymmetric"
        out=$work/$method-w$bits
        [ -e "$out" ] || "$quern" quantize "$work/f32" -o "$out" --method $method --bits $bits --group-size 64 --asymmetric \
            --calibration "$data/valid.txt" --samples 128 --seq-len 512
        ppl "$out" --protocol paper --window 2048 --max-windows 4
    done
done

say "GGUF for llama.cpp"
for type in q8_0 q4_0; do
    [ -e "$work/$type.gguf" ] || "$quern" convert "$work/f32" -o "$work/$type.gguf" --to gguf --dtype $type
    ppl "$work/$type.gguf" --protocol llama.cpp --max-windows 64
done
echo "compare: python tools/llama_cpp_perplexity.py $work/q8_0.gguf $data/test.txt"
