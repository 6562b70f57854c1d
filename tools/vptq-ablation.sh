#!/usr/bin/env bash
# The ablation of docs/methods/vptq.md: the relative error of each layer of a model's first block.
#
#   tools/vptq-ablation.sh MODEL_DIRECTORY WIKITEXT_DIR [WORK_DIR]
set -euo pipefail
quern=$(cd "$(dirname "$0")/.." && pwd)/quern
model=$(cd "$1" && pwd) data=$2 work=${3:-$(mktemp -d)}
mkdir -p "$work/block"
for file in "$model"/*; do ln -sf "$file" "$work/block/"; done
rm "$work/block/config.json"
sed -E 's/("num_hidden_layers" *: *)[0-9]+/\11/' "$model/config.json" > "$work/block/config.json"
line() {
    name=$1; shift
    "$quern" quantize "$work/block" -o "$work/out" --overwrite --calibration "$data/valid.txt" --samples 16 --seq-len 256 \
        "$@" --json 2> "$work/log" > "$work/report.json" || { cat "$work/log"; exit 1; }
    printf '%-28s' "$name"
    grep -o '"bits_per_weight" *: *[0-9.]*' "$work/report.json" | head -n 1 | grep -o '[0-9.]*$' | tr '\n' ' '
    grep -o '"relative_error" *: *[0-9.eE-]*' "$work/report.json" | grep -o '[0-9.eE-]*$' | tr '\n' ' '
    echo
}
line 'nearest, no norm' --method vptq --set feedback=false --set refine=0 --set norm=none
line 'all' --method vptq
line 'without feedback' --method vptq --set feedback=false
line 'without refinement' --method vptq --set refine=0
line 'without permutation' --method vptq --set permute=false
line 'six rounds of it' --method vptq --set refine=6
line 'norm none' --method vptq --set norm=none
line 'norm min-max' --method vptq --set norm=min-max
line 'two stages' --method vptq --set centroids=16 --set residual-centroids=16
line 'two stages, 3 bits' --method vptq --set centroids=64 --set residual-centroids=64
line '1 % outliers' --method vptq --set outliers=1 --set outlier-centroids=256
line 'v3-k64' --method vptq --set vector-length=3 --set centroids=64
line 'v3-k512' --method vptq --set vector-length=3 --set centroids=512
line 'v2-k64' --method vptq --set vector-length=2 --set centroids=64
line 'planned, 2.3 bits' --method vptq --set bits=2.3
line 'planned, 3 bits' --method vptq --set bits=3
line 'gptq, 3 bits, groups of 64' --method gptq --bits 3 --group-size 64
line 'gptq, 2 bits, groups of 64' --method gptq --bits 2 --group-size 64
