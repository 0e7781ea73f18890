#!/bin/bash
# Measures piste beside its peers, and prints what came out against what was
# asked for.
#
#	bench/run.sh [--quick] [NAME…]		all, or those named
#	bench/run.sh --list
#
# Each measurement is a file, m-NAME.sh, with a function measure_NAME that calls
# `row` (harness.sh) for each line of the table; its programs are b-*.c. Peer and
# piste take turns in one run, every figure is a median of $ROUNDS turns, and a
# turn in which anything was lost is no figure but an error. Figures in ns are
# this machine's; what holds elsewhere are ratios, and so nothing here fails
# because a figure is high: the exit status says whether it was measured.
set -euo pipefail
cd "$(dirname "$0")/.."

measurements='
event       one event to disk: one int64; three fields; each in two threads
sustained   the rate at which nothing is lost for as long as it lasts
sessions    eight recordings of one process against one
off         a site that nobody records
uprobe      what a trap costs in the same place
start       start-up of an instrumented program, its threads and descriptors
recorder    processor time of the recorder, and bytes on disk, an event
memory      of a program that nobody records; of a thousand threads that trace
malloc      the allocations of sqlite3 at work
top         what counting system calls adds, and measuring them
ring        what records of the kernel add to a system call, in three kinds of rings
read        a trace counted, filtered, as text; of one stream and of a thousand
'

quick='' names=''
for arg; do
	case $arg in
	--quick) quick=1 ;;
	--list)
		echo "$measurements" | sed '/^$/d'
		exit 0
		;;
	-*)
		echo "usage: bench/run.sh [--quick] [--list] [NAME…]" >&2
		exit 2
		;;
	*)
		echo "$measurements" | grep -q "^$arg " || {
			echo "bench: no measurement '$arg'; bench/run.sh --list names them" >&2
			exit 2
		}
		names="$names $arg"
		;;
	esac
done
[ "$names" ] || names=$(echo "$measurements" | awk '{ print $1 }')
if [ "$quick" ]; then ROUNDS=3; else ROUNDS=7; fi
export ROUNDS

tools/setup test bench
# shellcheck source=bench/harness.sh
. bench/harness.sh
# shellcheck source=bench/lttng.sh
. bench/lttng.sh

bench_begin
for name in $names; do
	# shellcheck source=/dev/null
	. "bench/m-$name.sh"
	say "$name"
	"measure_$name" || failed "$name" "did not finish"
done
bench_end
