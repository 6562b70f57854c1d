#!/usr/bin/env bash
# Perplexities of VPTQ at about 2.0, 2.3 and 3.0 bits, everything counted: plain, trained with each block, and tuned end to
# end after that; beside GPTQ, as it is here and as published (no search of ranges, no refinement, no drift made up for).
#
#   tools/vptq-table.sh MODEL WIKITEXT_DIR [WORK_DIR]
#
# SAMPLES (128), TUNE_SAMPLES (as many), SEQ_LEN (512), WINDOWS (16), BLOCK_EPOCHS (2) and EPOCHS (2) shorten it, BITS
# ("2.05 2.3 3.0") and ROWS ("gptq published plain blocks tuned"; plain-tuned is tuned without training the blocks before)
# narrow it. WIKITEXT_DIR holds valid.txt and test.txt. What lies in WORK_DIR already is not made again.
set -euo pipefail
quern=${QUERN:-$(cd "$(dirname "$0")/.." && pwd)/quern}
rows=" ${ROWS:-gptq published plain blocks tuned} "
model=$1 data=$2 work=${3:-$(mktemp -d)}
text=(--calibration "$data/valid.txt" --seq-len "${SEQ_LEN:-512}")
mkdir -p "$work"

# name, model, seconds to make it
ppl() {
    printf '%-30s %6s s  ' "$1" "${3:-}"
    "$quern" eval "$2" --task perplexity --data "$data/test.txt" --protocol paper --window 2048 \
        --max-windows "${WINDOWS:-16}" 2> /dev/null | tr '\n' ' '
    echo
}

# OUT COMMAND...: makes OUT where it is missing, and keeps the time. Exit code 1 with a whole result is no better than a
# guess, which belongs in the table.
make() {
    local out=$1 samples=${SAMPLES:-128} begun=$SECONDS
    shift
    [ "$1" != tune ] || samples=${TUNE_SAMPLES:-$samples}
    [ -e "$out/quern.json" ] && return
    "$quern" "$@" -o "$out" "${text[@]}" --samples "$samples" > "$out.log" 2>&1 || [ -e "$out/quern.json" ] || { cat "$out.log"; exit 1; }
    echo $((SECONDS - begun)) > "$out.seconds"
}

row() { ppl "$1" "$2" "$(cat "$2.seconds")"; }

wanted() { [[ $rows == *" $1 "* ]]; }

ppl float "$model"
for bits in 2 3; do
    gptq=(quantize "$model" --resume --method gptq --bits $bits --group-size 64)
    if wanted gptq; then
        make "$work/gptq-$bits" "${gptq[@]}"
        row "gptq $bits bits g64" "$work/gptq-$bits"
    fi
    if wanted published; then
        make "$work/published-$bits" "${gptq[@]}" --set range=min-max --set refine=0 --set retarget=0
        row "gptq $bits bits, as published" "$work/published-$bits"
    fi
done
for bits in ${BITS:-2.05 2.3 3.0}; do
    out=$work/vptq-$bits
    if wanted plain || wanted plain-tuned; then
        make "$out" quantize "$model" --resume --method vptq --set bits="$bits"
        row "vptq $bits" "$out"
    fi
    if wanted plain-tuned; then
        make "$out-plain-tuned" tune "$out" --reference "$model" --epochs "${EPOCHS:-2}"
        row "vptq $bits, tuned" "$out-plain-tuned"
    fi
    if wanted blocks || wanted tuned; then
        make "$out-blocks" quantize "$model" --resume --method vptq --set bits="$bits" \
            --set block-epochs="${BLOCK_EPOCHS:-2}"
        row "vptq $bits blocks" "$out-blocks"
    fi
    if wanted tuned; then
        make "$out-tuned" tune "$out-blocks" --reference "$model" --epochs "${EPOCHS:-2}"
        row "vptq $bits blocks, tuned" "$out-tuned"
    fi
done
