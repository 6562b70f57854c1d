#!/usr/bin/env bash
# What an error in each kind of Linear costs a model: perplexity with that kind alone in vectors of 4 with 256 centroids.
#
#   tools/vptq-costs.sh MODEL WIKITEXT_DIR [WORK_DIR]
#
# Prints for each kind the loss in log perplexity, and that divided by the kind's share of the weights, from whose roots
# `VectorPlanner` has its factors of roles. SAMPLES (24), SEQ_LEN (256) and WINDOWS (4) lengthen it. WIKITEXT_DIR holds valid.txt and
# test.txt. What lies in WORK_DIR already is not made again.
set -euo pipefail
quern=${QUERN:-$(cd "$(dirname "$0")/.." && pwd)/quern}
[[ $# -ge 2 ]] || { sed -n '2,/^set/p' "$0" | sed 's/^# \{0,1\}//;$d'; exit 2; }
model=$1 data=$2 work=${3:-$(mktemp -d)}
kinds="q_proj k_proj v_proj o_proj gate_proj up_proj down_proj"
mkdir -p "$work"

ppl() {
    "$quern" eval "$1" --task perplexity --data "$data/test.txt" --max-windows "${WINDOWS:-4}" --json 2> /dev/null
}

# One number of a JSON file.
number() { grep -o "\"$2\" *: *[0-9.eE+-]*" "$1" | head -1 | sed 's/.*: *//'; }

[ -e "$work/fp.json" ] || ppl "$model" > "$work/fp.json"
for kind in $kinds; do
    if [ ! -e "$work/$kind.ppl.json" ]; then
        others=()
        for other in $kinds; do [ "$other" = "$kind" ] || others+=(--exclude "$other"); done
        "$quern" quantize "$model" -o "$work/$kind" --method vptq --set kmeans-rounds=12 --set refine=1 "${others[@]}" \
            --calibration "$data/valid.txt" --samples "${SAMPLES:-24}" --seq-len "${SEQ_LEN:-256}" --json \
            > "$work/$kind.json" 2> "$work/$kind.log"
        ppl "$work/$kind" > "$work/$kind.new"
        mv "$work/$kind.new" "$work/$kind.ppl.json"
        rm -r "${work:?}/$kind"
    fi
    # the bill says [rows, columns]; every kind is in every block
    "$quern" quantize "$model" -o "$work/none" --method vptq --set bits=4 --calibration "$data/valid.txt" --dry-run \
        2> /dev/null | sed -n "s/.* $kind \[\([0-9]*\), \([0-9]*\)\].*/$kind $(number "$work/$kind.ppl.json" value) \1 \2/p"
done | awk -v fp="$(number "$work/fp.json" value)" '
    { name[NR] = $1; loss[NR] = log($2 / fp); weights[NR] = $3 * $4; all += $3 * $4; sum += loss[NR] }
    END {
        for (i = 1; i <= NR; i++)
            printf "%-10s loss %.4f  per weight %.2f\n", name[i], loss[i], loss[i] / sum * all / weights[i]
    }'
