#!/bin/sh
# piste doctor on a kernel that has what the machine of most tests lacks.
. "$(dirname "$0")/../tap.sh"

check "the jobs of the kernel work" "$PISTE" doctor
"$PISTE" doctor >text
for feature in btf tp-btf raw-tp array-mmap ringbuf task-storage iterators tracefs cgroup symbols \
	perf-clock perf-kernel perf-bpf fentry fexit kprobe uprobe graph instance hist synthetic; do
	check_match "$feature works" "$(grep " $feature " text)" "^  ok  "
done
# Linux 6.1 is older than these
for feature in arena uprobe-multi user-events; do
	check_match "$feature does not" "$(grep " $feature " text)" '^  --  '
done
check_match "what an older kernel lacks is named with the version" "$(cat text)" \
	'CONFIG_BPF_JIT, Linux 6.9 or newer'

mkdir -p /tmp/tracing && mount -t tracefs none /tmp/tracing
check_is "no instance is left" "$(ls /tmp/tracing/instances | wc -l)" 0
check_is "no synthetic event is left" "$(cat /tmp/tracing/synthetic_events)" ""
check_is "no tracer is left" "$(cat /tmp/tracing/current_tracer)" nop
check_match "no filter is left" "$(cat /tmp/tracing/set_ftrace_filter)" 'all functions enabled'
check_is "no function is traced" "$(cat /tmp/tracing/enabled_functions)" ""
umount /tmp/tracing
end
