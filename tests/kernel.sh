# shellcheck shell=sh
# kernel.sh - what tests of the kernel's events share; sourced behind tap.sh and record.sh. Where this
# machine or this user has none, the whole file is a skip that says so.
kernel_said=$("$PISTE" record --quiet -o "$WORK/probe" -e k:sched:sched_process_exit -- true 2>&1)
if [ $? -ne 0 ]; then
	echo "1..0 # SKIP no events of the kernel: $(echo "$kernel_said" | head -1)"
	exit 0
fi
rm -rf "$WORK/probe"

$CC -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -I"$ROOT/include" "$ROOT/tests/integration/kernel-work.c" -o kernel-work \
	-L"$PISTE_BUILD" -lpiste -lpthread -Wl,-rpath,"$PISTE_BUILD" || exit 2

# has_event NAME: whether this build and kernel have it
has_event() {
	"$PISTE" record --quiet -o "$WORK/probe" -e "k:$1" -- true >/dev/null 2>&1
	has_status=$?
	rm -rf "$WORK/probe"
	[ $has_status -eq 0 ]
}

# record NAME OPTIONS... -- COMMAND...: into ./trace; a failure is a result
record() {
	record_name=$1
	shift
	rm -rf trace
	timeout 120 "$PISTE" record --json -o trace "$@" >out 2>err
	record_status=$?
	[ $record_status -eq 0 ] || fail "$record_name" "status $record_status: $(cat err)"
	babeltrace2 trace >trace.txt 2>trace.warnings
}

# count PATTERN: lines of the trace, as babeltrace2 reads it
count() {
	grep -c -e "$1" trace.txt
}
