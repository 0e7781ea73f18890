#!/bin/sh
# A recorder that is killed leaves nothing in the kernel, and a trace that can be read.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
. "$ROOT/tests/kernel.sh"
need bpftool

# programs PID: the numbers of those that a process holds
programs() {
	sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$1/fdinfo/"* 2>/dev/null | sort -nu
}

# left: how many of the numbers on stdin the kernel still has
left() {
	while read -r id; do
		bpftool prog show id "$id" 2>/dev/null
	done | grep -c '^[0-9]*:'
}

"$PISTE" record --quiet -a -e 'sched:*' -e 'irq:*' -o trace >out 2>err &
recorder=$!
sleep 2
programs $recorder >killed
check "programs are there while it runs" test "$(left <killed)" -gt 0
kill -KILL $recorder
wait $recorder 2>/dev/null
sleep 0.5
check_is "and none of them behind it" "$(left <killed)" 0
check "what it wrote can be read" test "$(babeltrace2 trace 2>/dev/null | grep -c 'sched:')" -gt 0
check "and another recorder begins" "$PISTE" record --quiet -e 'sched:*' -o again -- true

"$PISTE" record --quiet -a -e 'sched:*' -o stopped >out 2>err &
recorder=$!
sleep 1
programs $recorder >ended
kill -TERM $recorder
wait $recorder
check_is "SIGTERM ends it well" "$?" 0
check "it had programs" test -s ended
check_is "and leaves none" "$(left <ended)" 0

end
