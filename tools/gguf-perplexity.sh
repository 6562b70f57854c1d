#!/usr/bin/env bash
# llama.cpp's perplexity of Quern's GGUF files of a real model, next to llama.cpp's own files of the same types and
# importances. Needs Python with llama-cpp-python and gguf (tools/llama_cpp_quantize.py says which).
#
#   tools/gguf-perplexity.sh MODEL WIKITEXT_DIR [WORK_DIR]
#
# MODEL is a float model, WIKITEXT_DIR holds valid.txt (importances) and test.txt (evaluation). CHUNKS (64) chunks of 512
# tokens; TYPES narrows the list; PYTHON is the interpreter. What lies in WORK_DIR already is not made again. Some 3 minutes
# a file on 2 cores for a model of 135 M parameters.
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
quern=$tools/../quern
model=$1 data=$2 work=${3:-$(mktemp -d)}
python=${PYTHON:-python3} chunks=${CHUNKS:-64}
types=${TYPES:-q4_0 q4_0+i q4_k_m q4_k_m+i iq4_xs+i iq3_s+i}
mkdir -p "$work"

figure() {
    "$python" "$tools/llama_cpp_perplexity.py" "$1" "$data/test.txt" --chunks "$chunks" 2> /dev/null |
        sed -n 's/.*perplexity \([0-9.]*\) +\/- \([0-9.]*\).*/\1 ± \2/p'
}

[ -e "$work/floats.gguf" ] || "$quern" convert "$model" -o "$work/floats.gguf" --dtype f32
[ -e "$work/imatrix.gguf" ] || "$quern" imatrix "$model" --data "$data/valid.txt" -o "$work/imatrix.gguf"
printf '%-10s %-20s %-20s\n' type quern llama.cpp
[ -n "${TYPES:-}" ] || printf '%-10s %-20s\n' f32 "$(figure "$work/floats.gguf")"
for entry in $types; do
    type=${entry%+i}
    importances=()
    [ "$entry" = "$type" ] || importances=(--imatrix "$work/imatrix.gguf")
    ours=$work/$entry-quern.gguf theirs=$work/$entry-llama.cpp.gguf
    [ -e "$ours" ] || "$quern" convert "$model" -o "$ours" --dtype "$type" "${importances[@]}" > /dev/null
    [ -e "$theirs" ] ||
        "$python" "$tools/llama_cpp_quantize.py" "$work/floats.gguf" "$theirs" "$type" "${importances[@]}" > /dev/null 2>&1
    printf '%-10s %-20s %-20s\n' "$entry" "$(figure "$ours")" "$(figure "$theirs")"
done
