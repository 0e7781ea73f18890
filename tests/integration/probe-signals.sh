#!/bin/sh
# no-asan: libpiste is never sanitized
# Handlers that trace inside tracing, jump out of it, fork in it; on stacks of their own and tiny ones.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"
build probe-load || exit 1

for stack in 0 1; do
	on=$([ $stack = 1 ] && echo " on an alternate stack")
	judge "a handler at 10 kHz$on" -d ./probe-load signal 700 $stack
	judge "one that jumps out$on" -d ./probe-load jump 700 $stack
	judge "a signal inside each record$on" -d ./probe-load nested 50000 $stack
	check_is "a signal inside each record$on: none is lost" "$(said lost)" 0
	judge "a jump out of each record$on" -d ./probe-load nested-jump 50000 $stack
	check_is "a jump out of each record$on: no chunk is lost" "$(said lost)" 0
done
judge "a handler at 10 kHz, a full pool" "-b 65536" ./probe-load signal 300 0
judge "one that jumps out, a full pool that is read" "-d -b 131072" ./probe-load jump 500 0
judge "jumps far up" -d ./probe-load jump-deep
judge "forks in a handler inside a record" -d ./probe-load fork-handler 50
judge "forks in a handler at random instants" -d ./probe-load fork-async 700
judge "a stack of 6 KB" -d ./probe-load tiny
end
