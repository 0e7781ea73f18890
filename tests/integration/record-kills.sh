#!/bin/sh
# Killed programs, killed and stopped recorders.
# shellcheck disable=SC2154 # in_trace, in_loss: record.sh
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
build probe-load || exit 1
head -c 32768 /dev/zero >shadow
SHADOW=$PWD/shadow
export SHADOW

# Each child's numbers are there from 0 on, without a gap, up to what it said it had done at least
whole() {
	od -An -v -t u8 -w8 shadow | awk '{ print NR - 1, $1 }' >said
	babeltrace2 trace 2>trace.warnings | sed -n 's/.* seq:n: .*{ slot = \([0-9]*\), number = \([0-9]*\) }.*/\1 \2/p' | awk '
		FNR == NR { said[$1] = $2; next }
		{ n[$1]++; if ($2 + 1 > most[$1]) most[$1] = $2 + 1 }
		END {
			for (s in said)
				if (said[s] > most[s] || n[s] + 0 != most[s] + 0)
					print "slot " s ": said " said[s] ", " n[s] + 0 " events up to " most[s] + 0
		}' said -
}

rm -rf trace
check "100 children are killed" timeout 120 "$PISTE" record --no-kernel --quiet --buffer 64M -o trace -- ./probe-load killed 100 250
check_is "what they had committed is in the trace" "$(whole)" ""
check_is "nothing was lost" "$(lost trace)" 0
records "and a fresh one records" "" ./probe-load count 2 10000

# a program whose recorder dies
"$PISTE" record --no-kernel --quiet -o dead -- ./probe-load paced 1500 >paced 2>err &
recorder=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s paced ] || sleep 0.1; done
sleep 0.3
kill -KILL $recorder
wait $recorder 2>/dev/null
program=$(said pid paced)
[ "$program" != 0 ] || { fail "a program under a recorder" "$(cat err)"; end; }
check "a program survives its recorder" kill -0 "$program"
check "another recorder attaches to it" timeout 20 "$PISTE" record --no-kernel --quiet --duration 300ms -o second -p "$program"
check "and gets its events" [ "$(events second)" -gt 500 ]
for _ in $(seq 50); do kill -0 "$program" 2>/dev/null && sleep 0.1; done
check "it ends as if nothing had been" [ "$(said ticks paced)" -gt 1000 ]
check "what the dead recorder wrote is readable" babeltrace2 dead

# one whose recorder stands still
"$PISTE" record --no-kernel --json --buffer 1M -o stopped -- ./probe-load paced 1000 >out 2>err &
recorder=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q pid out && break; sleep 0.1; done
kill -STOP $recorder
program=$(said pid)
for _ in $(seq 40); do
	state=$(awk '{ print $3 }' "/proc/$program/stat" 2>/dev/null)
	[ "$state" = Z ] || [ ! "$state" ] && break
	sleep 0.1
done
check "a stopped recorder delays nothing" grep -q ticks out
kill -CONT $recorder
wait $recorder
n=$((2 * $(said ticks)))
accounted "and accounts for all when it goes on" stopped $n $n
end
