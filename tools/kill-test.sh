#!/usr/bin/env bash
# Shows that a killed `quantize` loses nothing: kills it (-9) at random moments, resumes, kills again, and compares the
# result byte by byte with an uninterrupted run.
#
#   tools/kill-test.sh MODEL TEXT [KILLS] [quantize options…]
#
# Default options: --method gptq --bits 4 --group-size 64 --samples 8 --seq-len 128.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
model=$1 text=$2 kills=${3:-5}
shift $(($# < 3 ? $# : 3))
[ $# -gt 0 ] || set -- --method gptq --bits 4 --group-size 64 --samples 8 --seq-len 128
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quantize() { "$root/quern" quantize "$model" -o "$work/$1" --calibration "$text" "${@:2}"; }

"$root/quern" --version > "$work/version.log" 2>&1 # builds, where that is due
begun=$SECONDS
quantize whole "$@" > "$work/whole.log" 2>&1 || { cat "$work/whole.log"; exit 1; }
took=$((SECONDS - begun))
echo "uninterrupted: $took s"

killed=0
for ((i = 1; i <= kills; i++)); do
    # Anywhere from before the first block to the last file; resumed runs are shorter, so moments are drawn anew.
    pause=$(awk -v r="$RANDOM" -v t="$took" -v n="$kills" 'BEGIN { printf "%.2f", 0.5 + r / 32768 * 1.2 * t * 2 / (n + 1) }')
    resume=(--resume)
    [ "$i" -gt 1 ] || resume=()
    setsid "$root/quern" quantize "$model" -o "$work/killed" --calibration "$text" "$@" "${resume[@]}" \
        > "$work/killed.log" 2>&1 &
    group=$!
    sleep "$pause"
    blocks=$({ find "$work/killed.quern-work" -name 'block-*' 2> /dev/null || true; } | wc -l)
    if kill -9 -- "-$group" 2> /dev/null; then
        killed=$((killed + 1))
        echo "kill $i: after $pause s, $blocks blocks finished"
    else
        echo "kill $i: came too late, the run was done"
    fi
    wait "$group" 2> /dev/null || true
done

[ -e "$work/killed/quern.json" ] || quantize killed "$@" --resume > "$work/killed.log" 2>&1 || { cat "$work/killed.log"; exit 1; }
diff -r "$work/whole" "$work/killed" && [ "$killed" -gt 0 ]
[ ! -e "$work/killed.quern-work" ]
echo "identical after $killed kills: $(cd "$work/whole" && find . -type f | wc -l) files"
