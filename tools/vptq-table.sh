#!/usr/bin/env bash
# Perplexities of VPTQ at about 2.0, 2.3 and 3.0 bits, everything counted, with and without end-to-end tuning, beside GPTQ.
#
#   tools/vptq-table.sh MODEL WIKITEXT_DIR [WORK_DIR]
#
# SAMPLES (128), SEQ_LEN (512), WINDOWS (16) and EPOCHS (2) shorten it. WIKITEXT_DIR holds valid.txt and test.txt.
set -euo pipefail
quern=$(cd "$(dirname "$0")/.." && pwd)/quern
model=$1 data=$2 work=${3:-$(mktemp -d)}
samples=${SAMPLES:-128} length=${SEQ_LEN:-512} windows=${WINDOWS:-16} epochs=${EPOCHS:-2}
mkdir -p "$work"
ppl() {
    printf '%-24s' "$1"
    "$quern" eval "$2" --task perplexity --data "$data/test.txt" --protocol paper --window 2048 --max-windows "$windows" 2> /dev/null \
        | tr '\n' ' '
    echo
}
ppl float "$model"
for bits in 2 3; do
    out=$work/gptq-$bits
    [ -e "$out/quern.json" ] || "$quern" quantize "$model" -o "$out" --resume --method gptq --bits $bits --group-size 64 \
        --calibration "$data/valid.txt" --samples "$samples" --seq-len "$length" > "$out.log" 2>&1 ||
        [ -e "$out/quern.json" ] # exit code 1 with a whole result: no better than a guess, which belongs in the table
    ppl "gptq $bits bits g64" "$out"
done
for bits in 2.05 2.3 3.0; do
    out=$work/vptq-$bits
    [ -e "$out/quern.json" ] || "$quern" quantize "$model" -o "$out" --resume --method vptq --set bits=$bits \
        --calibration "$data/valid.txt" --samples "$samples" --seq-len "$length" > "$out.log" 2>&1 ||
        [ -e "$out/quern.json" ] # exit code 1 with a whole result: no better than a guess, which belongs in the table
    ppl "vptq $bits" "$out"
    [ -e "$out-tuned/quern.json" ] || "$quern" tune "$out" --reference "$model" -o "$out-tuned" \
        --calibration "$data/valid.txt" --samples "$samples" --seq-len "$length" --epochs "$epochs" > "$out-tuned.log" 2>&1
    ppl "vptq $bits tuned" "$out-tuned"
done
