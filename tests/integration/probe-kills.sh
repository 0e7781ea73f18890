#!/bin/sh
# no-asan: libpiste is never sanitized
# Programs killed at any instruction: what they had committed is there, once, and whole.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"
build probe-load || exit 1
head -c 32768 /dev/zero >shadow
SHADOW=$PWD/shadow
export SHADOW

# storm NAME OPTIONS THREADS
storm() {
	# shellcheck disable=SC2086 # a list
	check "$1" timeout 100 ./pool-dump -q $2 -S shadow ./probe-load storm "$3"
}

storm "300 programs killed within 1 ms of their start" "-n 300 -k 1000" 1
storm "300 programs of 3 threads killed while they are read" "-d -n 300 -k 3000" 3
storm "100 programs killed that nobody reads" "-n 100 -k 20000" 2
storm "100 programs killed in a full pool" "-n 100 -k 8000 -b 524288" 2
storm "100 programs killed in a full pool that is read" "-d -n 100 -k 8000 -b 262144" 2
judge "and a fresh one records" -d ./probe-load count 2 10000
end
