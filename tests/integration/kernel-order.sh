#!/bin/sh
# One clock: a user event before a system call, the call's entry and exit, a user event behind it, stand in
# that order to 1 us, ten thousand times, on a machine that is busy.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
. "$ROOT/tests/kernel.sh"
has_event syscall:getppid || {
	echo "1..0 # SKIP no system calls by name"
	exit 0
}

# bracketed: of TIME NAME lines of one thread, how often the order is not kept to 1 us
bracketed() {
	"$PISTE" print --clock-seconds --no-delta --json trace -e 'bracket:*' -e 'k:syscall:getppid' |
		sed 's/.*"timestamp_ns":\([0-9]*\).*"event":"\([a-z_:]*\)".*/\1 \2/' |
		awk '
		$2 == "bracket:before" { before = $1; n++; state = 1; next }
		$2 ~ /getppid_entry/ { entry = $1; entries++; next }
		$2 ~ /getppid_exit/ { end = $1; exits++; next }
		$2 == "bracket:after" {
			# as numbers of ns since the turn of the year they would not fit: the last 15 digits do
			if (d(entry, before) < -1000 || d(end, entry) < 0 || d($1, end) < -1000)
				bad++
		}
		function d(a, b) { return substr(a, length(a) - 14) - substr(b, length(b) - 14) }
		END { printf "%d %d %d %d\n", n, entries, exits, bad }'
}

for _ in 1 2; do (while :; do :; done) & load="$load $!"; done
record "under load" -e 'bracket:*' -e k:syscall:getppid -- ./kernel-work brackets 10000
# shellcheck disable=SC2086 # a list
kill $load
wait 2>/dev/null
check_is "brackets, entries, exits, out of order" "$(bracketed)" "10000 10000 10000 0"

# A step of the time of day is not ours to make here: the trace's times come from the monotonic clock, and
# a time namespace may shift that of the program only.
if unshare --time --fork true 2>/dev/null; then
	record "in a time namespace" -e 'bracket:*' -e k:syscall:getppid -- unshare --time --monotonic 1000 --fork ./kernel-work brackets 10000
	check_is "with a monotonic clock that is shifted" "$(bracketed)" "10000 10000 10000 0"
else
	skip "a shifted clock" "no time namespaces"
fi

end
