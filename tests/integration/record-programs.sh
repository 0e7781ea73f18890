#!/bin/sh
# Programs that are hard on a recorder: threads, signals, forks, plugins, thousands of processes.
# shellcheck disable=SC2154 # in_trace, in_loss: record.sh
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
build probe-load || exit 1
plugin one && plugin two || exit 1

records "four threads" "" ./probe-load count 4 50000
check_is "four threads: piste reads what babeltrace2 reads" "$("$PISTE" print trace | wc -l)" "$in_trace"
records "CTF 2" "--ctf 2 -e none:*" true
records "a small buffer" "--buffer 512K" ./probe-load count 4 100000
records "a handler at 10 kHz" "" ./probe-load signal 200 1
records "one that jumps out" "" ./probe-load jump 200 0
records "children and grandchildren" "" ./probe-load forks 20
records "a program with threads forks" "" ./probe-load fork-threads 10
records "forks in a handler" "" ./probe-load fork-handler 20
records "vfork and exec" "" ./probe-load vforks 20
records "a daemon without a descriptor" "" ./probe-load daemon
records "plugins come and go" "" ./probe-load plugins 50 ./one.so ./two.so
records "all descriptors closed before the first event" "" ./probe-load close 0 ./one.so
records "records up to 48 KiB" "" ./probe-load big 100
records "1,000 threads" "" ./probe-load little 1000
check_is "1,000 threads: nothing is lost" "$in_loss" 0
records "10,000 short threads" "" ./probe-load churn 10000
check_is "10,000 short threads: nothing is lost" "$in_loss" 0
check_is "the command's status" "$("$PISTE" record --no-kernel -o status -- sh -c 'exit 7' >/dev/null 2>&1; echo $?)" 7
end
