#!/bin/sh
# no-asan: libpiste is never sanitized
# fork, vfork, exec, daemons, plugins, programs that close what they did not open.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"
build probe-load || exit 1
plugin one && plugin two || exit 1

judge "children and grandchildren" -d ./probe-load forks 30
check_is "children and grandchildren have pools of their own" "$(said pools) $(said forked)" "61 60"
judge "a child that traces nothing has one that does" -d ./probe-load fork-silent
judge "a program with threads forks" -d ./probe-load fork-threads 50
judge "vfork and exec" -d ./probe-load vforks 40
judge "400 short processes" -d ./probe-load short 400
check_is "400 short processes lose nothing" "$(said pools) $(said lost)" "401 0"
judge "a daemon without a descriptor" -d ./probe-load daemon
judge "plugins come and go" -d ./probe-load plugins 300 ./one.so ./two.so
check_is "plugins keep their ids" "$(awk '$2 ~ /^plugin:/ { print $2, $3 }' out | sort)" "plugin:one 900
plugin:two 900"
judge "all descriptors closed before the first event" -d ./probe-load close 0 ./one.so
judge "all descriptors closed after the first event" -d ./probe-load close 1 ./two.so
end
