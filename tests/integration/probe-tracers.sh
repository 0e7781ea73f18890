#!/bin/sh
# no-asan: libpiste is never sanitized
# Tracers in the process: several on one event, over dlopen, under load, in children, beside a recorder.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"
build probe-tracers || exit 1
plugin one || exit 1

check "tracers" ./probe-tracers ./one.so
judge "tracers beside a recorder of all" "-d -b 268435456" ./probe-tracers ./one.so
check_is "the end of each descent is lost to a recorder, nothing else" "$(said lost)" 5
timeout 60 ./pool-dump -q -d -e 'nothing:*' ./probe-tracers ./one.so >out 2>err
check_is "a recorder of nothing gets nothing" "$? $(said total) $(said lost) $(cat err)" "0 0 0 "
end
