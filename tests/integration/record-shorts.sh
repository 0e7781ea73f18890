#!/bin/sh
# no-asan: ten thousand processes take their time
# 10,000 short processes in a row, recorded whole, in a handful of files.
# shellcheck disable=SC2154 # in_trace, in_loss: record.sh
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
build probe-load || exit 1

records "10,000 short processes" "" ./probe-load short 10000
check_is "none is lost" "$in_trace $in_loss" "30000 0"
files=$(find trace -type f | wc -l)
check "in a handful of files, $files" [ "$files" -le 40 ]
end
