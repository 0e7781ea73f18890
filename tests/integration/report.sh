#!/bin/sh
# piste report: against what is computed from the text of the same trace, by another program.
. "$(dirname "$0")/../tap.sh"
need python3 jq

here=$ROOT/tests/integration
check "a trace" python3 "$here/report-trace.py" trace
"$PISTE" print trace >printed
"$PISTE" report syscalls --json trace >json 2>err
check_is "status and complaints" "$? $(cat err)" "0 "
for by in call process file; do
	check "by $by, as computed from piste print" python3 "$here/report-check.py" printed json $by
done
check_is "calls" "$(jq .calls json)" "$(jq '[.tables[] | select(.by == "call") | .rows[].count] | add' json)"
check_is "by process they are as many" "$(jq .calls json)" \
	"$(jq '[.tables[] | select(.by == "process") | .rows[].count] | add' json)"
check_is "calls that did not return" "$(jq .unfinished json)" 2
check_is "… in their rows" "$(jq -c '[.tables[] | select(.by == "call") | .rows[] | select(.unfinished > 0) | .call]' json)" '["futex","exit_group"]'
check_is "returns without a beginning; a child's from fork is none" "$(jq .unentered json)" 1
check_is "errors by name" "$(jq -c '.tables[0].rows[] | select(.call == "openat") | .errnos | keys' json)" '["ENOENT"]'
check_is "processes are called what they executed" \
	"$(jq -r '.tables[1].rows[] | "\(.pid) \(.process)"' json | sort | head -3)" "100 worker100
200 worker200
300 worker300"

"$PISTE" report syscalls trace >out
check_match "text: facts" "$(cat out)" '^  [0-9,]+ calls, .* long, 2 had not returned, 1 returned that had begun before$'
check_match "text: a call" "$(cat out)" '^  openat +[0-9,]+ +[0-9,]+ .* ENOENT [0-9,]+$'
check_match "text: how to read it" "$(cat out)" 'COUNT are calls that returned'
check_is "no colour in a pipe" "$(grep -c "$(printf '\033')" out)" 0
check_is "--by" "$("$PISTE" report --by file syscalls trace | grep -c '^by ')" 1
check_is "--top" "$("$PISTE" report --by call --top 2 --json syscalls trace | jq -c '.tables[0] | [(.rows | length), .rows_left_out]')" \
	"$(jq -c '.tables[0].rows | length | [2, . - 2]' json)"

"$PISTE" report -p 100 --json syscalls trace >one
check_is "-p" "$(jq .calls one)" "$(jq '.tables[1].rows[] | select(.pid == 100) | .count' json)"
check_is "-p: no other process" "$(jq -c '[.tables[1].rows[].pid]' one)" '[100]'

# The parts of a trace add up to all of it.
middle=$("$PISTE" print --clock-seconds --no-delta trace | awk 'NR == 9000' | sed 's/^\[\([^]]*\)\].*/\1/')
next=$(awk -v t="$middle" 'BEGIN { split(t, p, "."); printf "%s.%09d\n", p[1], p[2] + 1 }')
early=$("$PISTE" report --end "$middle" --json syscalls trace | jq '.calls + .unfinished')
late=$("$PISTE" report --begin "$next" --json syscalls trace | jq '.calls + .unfinished')
check_is "--begin and --end" "$((early + late))" "$(jq '.calls + .unfinished' json)"

# LTTng's names, and threads that only sched_switch tells.
python3 "$here/report-trace.py" lttng lttng
"$PISTE" report syscalls --json lttng >json
check_is "lttng: threads by sched_switch" "$(jq -c '[.tables[1].rows[] | .pid] | sort' json)" '[100,200]'
check_is "lttng: all calls" "$(jq .calls json)" "$("$PISTE" print lttng | grep -c syscall_exit_)"
check_is "lttng: nothing is of nobody" "$(jq .without_thread json)" 0

# Lost events: no interval is made up, and what is missing is told.
python3 "$here/report-trace.py" lossy piste lossy
"$PISTE" report syscalls --json lossy >lost
check_is "losses are counted" "$(jq .lost_events lost)" 14
exits=$("$PISTE" print lossy 2>/dev/null | grep -c '_exit: ')
check_is "every return is a call, cut, or without a beginning" \
	"$(jq '.calls + .cut + .unentered' lost | awk -v n="$exits" '{ print ($1 >= n - 2 && $1 <= n + 14) ? "yes" : $1 " of " n }')" yes
check "what was cut is more than nothing and less than the packets" test "$(jq .cut lost)" -gt 0 -a "$(jq .cut lost)" -lt 250
check_is "no call takes longer than without the loss" \
	"$("$PISTE" report --by call --json syscalls trace | jq -c '[.tables[0].rows[] | {(.call): .max_ns}] | add' >whole
	jq -c --slurpfile whole whole '[.tables[0].rows[] | select(.max_ns != null and .max_ns > $whole[0][.call])] | length' lost)" 0

# Mistakes.
check_match "without a name: which there are" "$("$PISTE" report)" '^  syscalls +system calls'
check_status "no trace" 2 "$PISTE" report syscalls
check_status "an unknown report" 2 "$PISTE" report syscals trace
check_match "an unknown report: the nearest" "$("$PISTE" report syscals trace 2>&1)" 'did you mean syscalls'
check_status "an unknown table" 2 "$PISTE" report --by moon syscalls trace
check_status "not a trace" 1 "$PISTE" report syscalls "$here"
mkdir none
sed '/^event/d' trace/metadata >none/metadata
check_match "a trace without calls says how to get them" "$("$PISTE" report syscalls none 2>&1)" "piste record -e 'syscall:"
cp -r trace cut
head -c 100000 trace/stream_1 >cut/stream_1
check_status "a broken trace: status" 1 "$PISTE" report syscalls cut
check_match "… and the rest is there" "$("$PISTE" report syscalls cut 2>/dev/null)" '^  openat '
end
