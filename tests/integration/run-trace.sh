#!/bin/sh
# Scripts over a recording: what they count is what piste print shows.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"

"$PISTE" record -o t -- "$PISTE_BUILD/examples/shop" >/dev/null 2>&1
"$PISTE" print t >lines
lines() {
	grep -c "$1" lines
}

"$PISTE" run -q --trace t -e 'piste:shop:* { @[probe] = count(); } piste:shop:order_done { @all = count(); }' >out
for event in checkout_begin order_done invoice log; do
	check_match "count of $event" "$(cat out)" "^@\[piste:shop:$event\]: $(lines " shop:$event:")\$"
done
check_match "clauses of one probe share it" "$(cat out)" "^@all: $(lines ' shop:order_done:')\$"

sum=$(sed -n 's/.* shop:order_done: .*{ id = \([0-9]*\),.*/\1/p' lines | awk '{ n += $1 } END { print n }')
"$PISTE" run -q --trace t -e 'piste:shop:order_done { @ = sum(args.id); @most = max(args.id); @s = stats(args.id); }' >out
check_match "sum of a field" "$(cat out)" "^@: $sum\$"
most=$(sed -n 's/.* shop:order_done: .*{ id = \([0-9]*\),.*/\1/p' lines | sort -n | tail -1)
check_match "its largest" "$(cat out)" "^@most: $most\$"
check_match "its statistics" "$(cat out)" "^@s: count $(lines ' shop:order_done:'), average [0-9]*, total $sum\$"

"$PISTE" run -q --trace t -e 'piste:shop:checkout_begin { @s[tid] = nsecs; }
	piste:shop:checkout_end /@s[tid]/ { @n = count(); @ns = hist(nsecs - @s[tid]); delete(@s[tid]); }' >out
check_match "pairs by thread" "$(cat out)" "^@n: $(lines ' shop:checkout_end:')\$"
check_is "no thread is left" "$(grep -c '^@s\[' out)" 0

"$PISTE" run -q --trace t -e 'piste:shop:opened { printf("%s %d %d\n", comm, pid, pid == tid); exit(); } END { printf("end\n"); }' >out
check_match "comm and pid come from the recording" "$(cat out)" '^shop [0-9]+ 1$'
check_match "END runs" "$(cat out)" '^end$'

"$PISTE" run --trace t -e 'piste:shop:nothing { }' >out 2>err
check_is "an event that it lacks: status" $? 1
check_match "an event that it lacks" "$(cat err)" 'this recording has no such event'
check_status "kernel stacks are not in it" 1 "$PISTE" run --trace t -e 'piste:shop:log { @[kstack] = count(); }'
check_status "a kind of probe that it has not" 1 "$PISTE" run --trace t -e 'profile:hz:99 { }'
check_status "no trace there" 1 "$PISTE" run --trace nowhere -e 'BEGIN { }'

# A loop that never ends is ended, and said.
"$PISTE" run -q --trace t -e 'piste:shop:opened { $i = 0; while (1) { $i++; } } piste:shop:closed { printf("on\n"); }' >out 2>err
check_is "an endless loop: status" $? 1
check_match "an endless loop is ended" "$(cat err)" 'ended by our machine'
check_match "and the next event runs" "$(cat out)" '^on$'
end
