#!/usr/bin/env bash
# What rounding activations to 16 bits (the default of integer codes) does to perplexity, for every encoding.
#
#   tools/inputs-table.sh MODEL TEXT WORK_DIR [TYPE ...]
#
# MODEL is a directory in float, TEXT what perplexity is measured on (16 windows of 512, llama.cpp's protocol), TYPE a
# type of `convert --dtype` or gptq-2 ... gptq-6, gptq-8 (round-to-nearest in groups of 64). What is done is
# skipped. INPUTS="float int16 int8" compares 8 bits too.
set -euo pipefail
quern=${QUERN:-$(cd "$(dirname "$0")/.." && pwd)/quern}
[[ $# -ge 3 ]] || { sed -n '2,/^set/p' "$0" | sed 's/^# \{0,1\}//;$d'; exit 2; }
model=$1 text=$2 work=$3
shift 3
read -ra inputs <<< "${INPUTS:-float int16}"
types=("$@")
if [[ $# -eq 0 ]]; then
    types=(q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k_m q4_k_m q5_k_m q6_k iq4_nl iq4_xs gptq-2 gptq-3 gptq-4 gptq-5 gptq-6 gptq-8)
fi
mkdir -p "$work"

# Writes the model in type $1 to $2.
encode() {
    case $1 in
        gptq-*) "$quern" quantize "$model" -o "$2" --method rtn --bits "${1#gptq-}" --group-size 64 --asymmetric > /dev/null || [[ -d $2 ]] ;;
        *) "$quern" convert "$model" -o "$2" --to gguf --dtype "$1" > /dev/null ;;
    esac
}

value() { grep -o '"value" *: *[0-9.eE+-]*' "$1" | sed 's/.*: *//'; }

printf '| encoding |%s greatest difference |\n' "$(printf ' %s |' "${inputs[@]}")"
printf '|---|%s---:|\n' "$(printf -- '---:|%.0s' "${inputs[@]}")"
for type in "${types[@]}"; do
    file=$work/$type
    [[ $type == gptq-* ]] || file=$file.gguf
    figures=()
    for input in "${inputs[@]}"; do
        result=$work/$type.$input.json
        if [[ ! -s $result ]]; then
            [[ -e $file ]] || encode "$type" "$file"
            QUERN_JAVA_OPTS="${QUERN_JAVA_OPTS:-} -Dquern.inputs=$input" "$quern" eval "$file" --task perplexity \
                --protocol llama.cpp --data "$text" --max-windows 16 --json > "$result.new"
            mv "$result.new" "$result"
        fi
        figures+=("$(value "$result")")
    done
    rm -rf "$file"
    printf '| %s |' "$type"
    printf ' %.4f |' "${figures[@]}"
    printf '%s\n' "${figures[@]}" | awk 'NR == 1 { f = $1 } { d = ($1 - f) / f; if (d < 0) d = -d; if (d > m) m = d }
        END { printf " %.5f %% |\n", 100 * m }'
done
