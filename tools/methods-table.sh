#!/usr/bin/env bash
# Every method at every width on a real model: perplexity, time and peak memory in one table.
#
#   tools/methods-table.sh [options] MODEL WIKITEXT_DIR WORK_DIR
#
#   --windows N     evaluation windows of 2048 tokens (default 16)
#   --samples N     calibration stretches (default 64)
#   --seq-len N     their length (default 512)
#   --only PATTERN  only cells whose name (method.width) matches this regular expression
#   --keep          keep the quantized models, some hundred MB each
#   --print         only print the table from what is there
#
# MODEL is a directory in float32; WIKITEXT_DIR holds valid.txt (calibration) and test.txt (evaluation). What is done
# is skipped, so an interrupted run goes on where it was; the table can be printed at any time. Figures are those of the
# written files through the kernels that run them. QUERN_RUN is put before each command, for instance a lock.
set -euo pipefail
quern=${QUERN:-$(cd "$(dirname "$0")/.." && pwd)/quern}
windows=16 samples=64 length=512 only=. keep= print=
while [[ ${1:-} == --* ]]; do
    case $1 in
        --windows) windows=$2; shift ;;
        --samples) samples=$2; shift ;;
        --seq-len) length=$2; shift ;;
        --only) only=$2; shift ;;
        --keep) keep=1 ;;
        --print) print=1 ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
[[ $# -eq 3 ]] || { sed -n '2,/^set/p' "$0" | sed 's/^# \{0,1\}//;$d'; exit 2; }
model=$1 data=$2 work=$3
mkdir -p "$work"
widths=(w4g64 w3g64 w2g64 w4a4 w6a6 w8a8)
methods=(rtn gptq awq smoothquant smoothquant-mixed smoothquant-outliers zeroquant llm-int8 omniquant
    affinequant-faithful affinequant smoothquant+gptq awq+gptq affinequant+gptq affinequant-online rtn+tune gptq+tune
    affinequant+gptq+tune affinequant-online+tune)

faithful() { printf '  - {method: affinequant, faithful: true%s}\n  - {method: rtn, %s}\n' "$1" "$2"; }

# The YAML of method $1 at width $2; nothing where the two do not go together.
recipe() {
    local bits=${2:1:1} last activations=16 range=dynamic clip=
    case $2 in
        w?g64) last="bits: $bits, group-size: 64" ;;
        w4a4 | w6a6) last="bits: $bits, group-size: 0" activations=$bits ;;
        w8a8) last="bits: 8, group-size: 0, symmetric: true" activations=8 ;;
    esac
    echo "methods:"
    case $1.$2 in
        rtn.* | gptq.*) echo "  - {method: $1, $last}" ;;
        llm-int8.w8a8) echo "  - {method: llm-int8}" ;;
        llm-int8.*) return 1 ;;
        smoothquant*.w?g64) return 1 ;;
        awq*.w8a8 | awq*.w[46]a[46]) return 1 ;;
        smoothquant.w8a8) range=static; printf '  - {method: %s}\n  - {method: rtn, %s}\n' "$1" "$last" ;;
        smoothquant-mixed.w8a8) range=mixed; printf '  - {method: smoothquant}\n  - {method: rtn, %s}\n' "$last" ;;
        smoothquant-outliers.w8a8)
            # stored ranges for all inputs of a Linear but three of a hundred, the largest, which stay in 16 bits
            range=static
            printf '  - {method: smoothquant}\n  - {method: llm-int8, threshold: 0, share: 0.03}\n'
            ;;
        smoothquant-mixed.* | smoothquant-outliers.*) return 1 ;;
        zeroquant.w?g64) printf '  - {method: zeroquant, steps: 100}\n  - {method: rtn, %s, symmetric: true}\n' "$last" ;;
        zeroquant.w8a8) printf '  - {method: zeroquant}\n  - {method: rtn, bits: 8, group-size: 64, symmetric: true}\n' ;;
        zeroquant.w[46]a[46]) printf '  - {method: zeroquant, steps: 100}\n  - {method: rtn, %s}\n' "$last" ;;
        # the keys of the paper's own runs of Llama: its stability factor, and the loss it adds at 2 bits and with activations
        affinequant-faithful.w2g64) faithful ", stability-factor: 0.01, augmented-loss: true" "$last" ;;
        affinequant-faithful.w?g64) faithful ", stability-factor: 0.01" "$last" ;;
        affinequant-faithful.w[468]a[468]) faithful ", stability-factor: 0.1, augmented-loss: true" "$last" ;;
        affinequant-online.w4a4)
            clip=0.9
            printf '  - {method: affinequant, run-time: hadamard, epochs: 2}\n  - {method: gptq, %s}\n' "$last"
            ;;
        affinequant-online.w?g64)
            printf '  - {method: affinequant, run-time: hadamard, values: none, norms: none, queries-keys: false,'
            printf ' up-down: false, clip: false}\n  - {method: gptq, %s}\n' "$last"
            ;;
        affinequant-*) return 1 ;;
        *+gptq.*) printf '  - {method: %s}\n  - {method: gptq, %s}\n' "${1%+gptq}" "$last" ;;
        *) printf '  - {method: %s}\n  - {method: rtn, %s}\n' "$1" "$last" ;;
    esac
    echo "act-bits: $activations"
    if [[ $activations != 16 ]]; then echo "act-range: $range"; fi
    if [[ -n $clip ]]; then echo "act-clip: $clip"; fi
}

ppl() { ${QUERN_RUN:-} "$quern" eval "$1" --task perplexity --data "$data/test.txt" --max-windows "$windows" --json; }

# One number of a JSON file.
number() { grep -o "\"$2\" *: *[0-9.eE+-]*" "$1" 2>/dev/null | head -1 | sed 's/.*: *//'; }

# Makes $work/$1 by the command that follows, its report beside it; nothing where both are there.
run() {
    local name=$1 code=0
    shift
    [[ -e $work/$name.json && -e $work/$name ]] && return
    ${QUERN_RUN:-} "$quern" "$@" -o "$work/$name" > "$work/$name.json.new" || code=$?
    # exit code 1 with a whole result: no better than a guess, which is what the table is to show
    if [[ $code -gt 1 || ! -s $work/$name.json.new ]]; then
        rm -f "$work/$name.json.new"
        return 1
    fi
    mv "$work/$name.json.new" "$work/$name.json"
}

# What ends in +tune is what stands before that, its scales then trained end to end.
cell() {
    local name=$1.$2 method=${1%+tune}
    local chosen=$method.$2
    [[ -e $work/$name.ppl.json || ! $name =~ $only ]] && return
    [[ $chosen == "$name" || $2 == w?g64 ]] || return 0
    recipe "$method" "$2" > "$work/$name.yaml" || { rm "$work/$name.yaml"; return 0; }
    echo "$name" >&2
    local text=(--calibration "$data/valid.txt" --samples "$samples" --seq-len "$length" --json)
    run "$chosen" quantize "$model" --recipe "$work/$name.yaml" --resume "${text[@]}" || return 0
    [[ $chosen == "$name" ]] || run "$name" tune "$work/$chosen" --reference "$model" --resume "${text[@]}" || return 0
    if ppl "$work/$name" > "$work/$name.ppl.json.new"; then
        mv "$work/$name.ppl.json.new" "$work/$name.ppl.json"
        [[ -n $keep ]] || tuned "$1" "$2" || rm -r "${work:?}/$name"
        [[ -n $keep || $chosen == "$name" ]] || rm -r "${work:?}/$chosen"
    fi
}

# True where cell $1.$2 is still to be trained.
tuned() {
    [[ $2 == w?g64 && " ${methods[*]} " == *" $1+tune "* && $1+tune.$2 =~ $only && ! -e $work/$1+tune.$2.ppl.json ]]
}

table() {
    local method width value
    printf 'Perplexity over %s windows of 2048 tokens, calibration %s x %s tokens; fp %.3f.\n\n' \
        "$windows" "$samples" "$length" "$(number "$work/fp.ppl.json" value)"
    printf '| method |%s\n' "$(printf ' %s |' "${widths[@]}")"
    printf '|---|%s\n' "$(printf -- '---|%.0s' "${widths[@]}")"
    for method in "${methods[@]}"; do
        printf '| %s |' "$method"
        for width in "${widths[@]}"; do
            value=$(number "$work/$method.$width.ppl.json" value || true)
            if [[ -n $value ]]; then printf ' %.3f |' "$value"; else printf ' |'; fi
        done
        echo
    done
    printf '\nSeconds to quantize and peak memory in MB.\n\n'
    printf '| method |%s\n' "$(printf ' %s |' "${widths[@]}")"
    printf '|---|%s\n' "$(printf -- '---|%.0s' "${widths[@]}")"
    for method in "${methods[@]}"; do
        printf '| %s |' "$method"
        for width in "${widths[@]}"; do
            value=$(number "$work/$method.$width.json" seconds || true)
            if [[ -n $value ]]; then
                printf ' %.0f, %d |' "$value" "$(($(number "$work/$method.$width.json" peak_rss_bytes) >> 20))"
            else
                printf ' |'
            fi
        done
        echo
    done
}

if [[ -z $print ]]; then
    [[ -e $work/fp.ppl.json ]] || { ppl "$model" > "$work/fp.new" && mv "$work/fp.new" "$work/fp.ppl.json"; }
    for width in "${widths[@]}"; do
        for method in "${methods[@]}"; do cell "$method" "$width"; done
    done
fi
table
