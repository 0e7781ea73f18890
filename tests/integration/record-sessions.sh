#!/bin/sh
# Several recordings of one program, and recordings of what cannot be recorded.
# shellcheck disable=SC2154 # in_trace, in_loss: record.sh
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
build probe-load || exit 1

# gaps TRACE FIELD: numbers that are missing between the first and the last
gaps() {
	babeltrace2 "$1" 2>/dev/null | sed -n "s/.*\\b$2 = \\([0-9]*\\) }.*/\\1/p" | sort -n | awk '
		NR == 1 { first = $1 }
		{ last = $1; n++ }
		END { print last - first + 1 - n }'
}

"$PISTE" record --no-kernel --json -e load:tick -o one -- ./probe-load paced 2000 >out 2>err &
recorder=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q pid out && break; sleep 0.1; done
program=$(said pid)
[ "$program" != 0 ] || { fail "a program under a recorder" "$(cat err)"; end; }
sleep 0.2
"$PISTE" record --no-kernel --json --duration 600ms -e load:tock -o two -p "$program" >out2 2>err2 &
second=$!
"$PISTE" record --no-kernel --json --duration 900ms -e 'load:*' --filter 'n % 2 == 0 || i % 2 == 0' -o three -p "$program" >out3 2>err3 ||
	"$PISTE" record --no-kernel --json --duration 500ms -e 'load:tock' --filter 'n > 5' -o three -p "$program" >out3 2>err3
wait $second
wait $recorder
check_is "the first has all of its events, from first to last" "$(events one) $(lost one) $(gaps one i)" "$(said ticks) 0 0"
check_is "and none of the others'" "$(events one tock)" 0
check "the second has its own" [ "$(events two tock)" -gt 1000 ]
check_is "all of them, while it looked" "$(lost two) $(gaps two n)" "0 0"
check_is "and none of the others'" "$(events two tick)" 0
check "the third has what passes its filter" [ "$(events three tock)" -gt 500 ]

# ---- what cannot be recorded, said in words
# refuses NAME STATUS PATTERN COMMAND...
refuses() {
	refuses_name=$1 refuses_status=$2 refuses_pattern=$3
	shift 3
	refuses_said=$(timeout 20 "$@" 2>&1)
	check_is "$refuses_name: status" $? "$refuses_status"
	check_match "$refuses_name: says so" "$refuses_said" "$refuses_pattern"
}

refuses "a filter with an unknown field" 1 'nonesuch' "$PISTE" record --no-kernel -o f1 --filter 'nonesuch > 10' -- ./probe-load count 1 10
refuses "a filter that is none" 1 '.' "$PISTE" record --no-kernel -o f2 --filter 'i >' -- ./probe-load count 1 10
refuses "a pid that is not there" 1 '4194000' "$PISTE" record --no-kernel -o f3 -p 4194000
sleep 20 &
sleeper=$!
refuses "a program without sites" 1 "$sleeper" "$PISTE" record --no-kernel -o f4 --duration 200ms -p $sleeper
kill $sleeper
refuses "a command without sites" 0 'no (site|event|instrument)|0 (event|recorded)|nothing' "$PISTE" record --no-kernel -o f5 -- true
refuses "a command that is not there" 127 'nonesuch' "$PISTE" record --no-kernel -o f6 -- ./nonesuch
mkdir full && touch full/something
refuses "a directory with something in it" 1 'full' "$PISTE" record --no-kernel -o full -- true
check "but with --force" "$PISTE" record --no-kernel --force --quiet -o one -- ./probe-load count 1 10

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir tmpfs
	unshare -m sh -c 'mount -t tmpfs -o size=1m none tmpfs && "$PISTE" record --no-kernel --json -o tmpfs/trace -- ./probe-load count 2 200000 >out 2>err
		echo $? >status; cp -r tmpfs/trace kept; babeltrace2 kept >/dev/null 2>kept.errors; echo $? >readable'
	check_match "a full disk is told" "$(cat err)" '[Nn]o space|full'
	check "what was recorded before is readable" [ "$(cat readable)" = 0 ]
	check "and is not nothing" [ "$(events kept)" -gt 1000 ]
else
	skip "a full disk" "needs root and unshare -m"
fi
end
