#!/usr/bin/env bash
# Shows that the peak memory of `quantize` does not grow with the model's depth: quantizes a model and the same with its
# layers twice over, and compares. Fails where the peaks differ by 10 % or more.
#
#   tools/depth-test.sh MODEL_DIR TEXT [SAMPLES] [SEQ_LEN]
#
# MODEL_DIR holds one model.safetensors. Needs python3 and room for twice the model.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
model=$1 text=$2 samples=${3:-32} length=${4:-512}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 "$root/tools/repeat_layers.py" "$model" "$work/deep" 2
peak() {
    "$root/quern" quantize "$1" -o "$2" --method gptq --bits 4 --group-size 64 --calibration "$text" \
        --samples "$samples" --seq-len "$length" --json |
        python3 -c 'import json, sys; r = json.load(sys.stdin); print(r["peak_rss_bytes"], round(r["seconds"]))'
}
read -r one seconds < <(peak "$model" "$work/out-one")
read -r two longer < <(peak "$work/deep" "$work/out-two")
awk -v a="$one" -v b="$two" -v s="$seconds" -v t="$longer" 'BEGIN {
    change = 100 * (b - a) / a
    printf "peak memory: %.2f GB (%d s); twice as deep: %.2f GB (%d s): %+.1f %%\n", a / 1e9, s, b / 1e9, t, change
    exit !(change < 10 && change > -10)
}'
