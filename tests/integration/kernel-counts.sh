#!/bin/sh
# How many: what a program knows of itself, what strace counts, what is lost and what is left out add up.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
. "$ROOT/tests/kernel.sh"
has_event syscall:getppid || {
	echo "1..0 # SKIP no system calls by name"
	exit 0
}

record "two threads" -e k:syscall:getppid -- ./kernel-work calls 200000 2
check_is "every entry" "$(count 'syscall:getppid_entry:')" "$(said getppid)"
check_is "every exit" "$(count 'syscall:getppid_exit:')" "$(said getppid)"
check_is "nothing lost, nothing else" "$(told lost) $(told kernel_events)" "0 $((2 * $(said getppid)))"

record "a fork storm" -e k:syscall:getppid -- ./kernel-work forks 5
check_is "a fork storm: every entry" "$(count 'syscall:getppid_entry:')" "$(said getppid)"
record "short processes" -e k:syscall:getppid -- ./kernel-work shorts 200
check_is "short processes: every entry" "$(count 'syscall:getppid_entry:')" "$(said getppid)"

# the recorder sleeps while the program runs on: what finds no room is counted
"$PISTE" record --json --buffer 64K -o trace --force -e k:syscall:getppid -- ./kernel-work calls 300000 2 >out 2>err &
recorder=$!
sleep 0.2
kill -STOP $recorder
sleep 1
kill -CONT $recorder
wait $recorder
babeltrace2 trace >trace.txt 2>trace.warnings
check "tiny buffers lose" test "$(told lost)" -gt 0
check_is "emitted = recorded + lost" $(($(told kernel_events) + $(told lost))) $((2 * $(said getppid)))
check_is "the trace has what was recorded" "$(count 'syscall:getppid_')" "$(told kernel_events)"
check_is "the trace tells of what was lost" "$(lost trace)" "$(told lost)"
check_match "and where the room is" "$("$PISTE" stat trace)" 'Events are missing'

record "a limit" --max-rate 1000 -e k:syscall:getppid -- ./kernel-work calls 200000 1
check "a limit leaves out" test "$(told limited)" -gt 100000
check_is "emitted = recorded + left out" $(($(told kernel_events) + $(told limited) + $(told lost))) $((2 * $(said getppid)))

if command -v strace >/dev/null; then
	# not one with libpiste: that makes calls of its own when it is recorded
	mkdir -p tree/a/b tree/c && touch tree/a/1 tree/a/b/2 tree/c/3
	strace -f -c -o strace.txt sh -c 'find tree -type f | sort >list; true' >/dev/null
	record "all calls" -e 'k:syscall:*' -- sh -c 'find tree -type f | sort >list; true'
	awk '$1 ~ /^[0-9.]+$/ && $NF != "total" { print $NF, $4 }' strace.txt | LC_ALL=C sort >wanted
	sed -n 's/.* syscall:\([a-z0-9_]*\)_entry: .*/\1/p' trace.txt | LC_ALL=C sort | uniq -c | awk '{ print $2, $1 }' |
		grep -v '^exit_group ' >is # strace does not count what never returns
	# how many signals of children the shell takes is chance
	sed -i '/^rt_sigreturn /d' wanted is
	check "the same calls as strace counts, call by call" diff wanted is
else
	skip "strace -c" "strace is not installed"
fi

end
