#!/bin/sh
# The index that piste stat keeps: it changes no answer, wherever it is from and whatever is in it.
. "$(dirname "$0")/../tap.sh"
need cc
PISTE_INDEX_DIR=$WORK/index
export PISTE_INDEX_DIR

check "the program builds" cc -O1 -o make-trace "$ROOT/bench/b-trace.c"
./make-trace trace 3 1500000 1000
size=$(du -sb trace | cut -f1)

# without DIR COMMAND... : what it says when there is no index
without() {
	PISTE_INDEX_DIR='' "$PISTE" "$@"
}
# unchanged NAME: all that an index could change
unchanged() {
	for command in "stat --json trace" "print -w o trace --begin 00:00:01.4999" "print -e bench:none trace" \
		"print -w o --filter n==499999 trace"; do
		rm -f o
		# shellcheck disable=SC2086 # words
		without $command >wanted 2>&1
		[ ! -e o ] || mv o wanted.o
		# shellcheck disable=SC2086
		"$PISTE" $command >is 2>&1
		[ ! -e o ] || check "$1: $command" cmp o wanted.o
		check "$1: $command" cmp is wanted
	done
}

unchanged "when it is made"
index=$(ls index/*.idx)
check_is "there is one" "$(ls index | wc -l | tr -d ' ')" 1
check "it is small" test "$(wc -c <"$index")" -lt $((size / 100))
check_is "nothing is put into the trace" "$(ls trace | wc -l | tr -d ' ')" 4
unchanged "when it is there"
cp "$index" good

if command -v strace >/dev/null; then
	check "it is read" sh -c 'strace -f -e trace=openat "$PISTE" stat trace 2>&1 | grep "\.idx.*= [0-9]"'
else
	skip "it is read" "no strace"
fi

# Damaged: at several places, cut, empty, another's.
for at in 0 9 20 100 1000; do
	{ head -c $at good && printf '\377\001' && tail -c +$((at + 3)) good; } >"$index"
	unchanged "damaged at byte $at"
done
head -c 500 good >"$index"
unchanged "cut"
: >"$index"
unchanged "empty"
check "it is made anew" cmp "$index" good

# The trace changes.
touch -d '2001-01-01' trace/ch_0001
unchanged "a file of another time"
cat trace/ch_0000 >>trace/ch_0002 2>/dev/null
tail -c 32768 trace/ch_0001 >packet && cat packet >>trace/ch_0001
unchanged "a file that grew"
./make-trace trace 4 1500000 500
unchanged "another trace in its place"

# Nowhere to put it.
mkdir -p locked && chmod 555 locked
PISTE_INDEX_DIR=$WORK/locked/index "$PISTE" stat --json trace >is 2>err
check_is "a directory that cannot be written" "$? $(cat err)" "0 "
PISTE_INDEX_DIR=/dev/null/index "$PISTE" stat --json trace >is 2>err
check_is "no directory" "$? $(cat err)" "0 "
end
