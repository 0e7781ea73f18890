#!/bin/sh
# Whose events are recorded: the command's and those of all that it starts, from the first instruction
# to the last, and nobody else's; a running process's; a control group's; everybody's.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
. "$ROOT/tests/kernel.sh"

record "a command" -e 'k:sched:sched_process_*' -- ./kernel-work forks 4
check_is "a fork storm: every fork" "$(count 'sched:sched_process_fork:')" "$(said fork)"
check_is "a fork storm: every exit" "$(count 'sched:sched_process_exit:')" "$(said exit)"
check_is "one exec, its own" "$(count 'sched:sched_process_exec:.*kernel-work')" 1
check_is "nobody else's" "$(grep 'sched_process_\(fork\|exec\)' trace.txt | grep -cv 'kernel-work')" 0
check_is "nothing is lost" "$(told lost)" 0

record "an exec chain" -e 'k:sched:sched_process_*' -- ./kernel-work execs 200
check_is "an exec chain: every exec" "$(count 'sched:sched_process_exec:')" 201
check_is "an exec chain: one exit" "$(count 'sched:sched_process_exit:')" 1

record "short processes" -e 'k:sched:sched_process_*' -- ./kernel-work shorts 300
check_is "processes of a millisecond: every fork" "$(count 'sched:sched_process_fork:')" "$(said fork)"
check_is "processes of a millisecond: every exit" "$(count 'sched:sched_process_exit:')" "$(said exit)"

# a running one, without libpiste
sh -c 'sleep 3; ./kernel-work forks 2' >forked &
pid=$!
record "a running process" -e 'k:sched:sched_process_*' -p "$pid"
wait "$pid"
check_is "-p: what it starts" "$(count 'sched:sched_process_fork:.*kernel-work')" "$(said fork forked)"

# everybody's: somebody else's work is in it
mkfifo go
sh -c 'read -r _ <go; exec ./kernel-work forks 3 >forked' &
pid=$!
record "the system" -a -e 'k:sched:sched_process_*' -- sh -c 'echo >go; sleep 1'
wait "$pid"
check_is "-a: another's forks" "$(count 'sched:sched_process_fork:.*parent_comm = "kernel-work"')" "$(said fork forked)"
check_is "-a -- CMD ends with it" "$(timeout 20 "$PISTE" record --quiet -a -e k:sched:sched_process_exit -o all -- true; echo $?)" 0

# a control group, made here
group=
for mount in /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -e "$mount/cgroup.controllers" ] && mkdir "$mount/piste-test-$$" 2>/dev/null && group=$mount/piste-test-$$ && break
done
if [ "$group" ]; then
	sh -c 'read -r _ <go; echo $$ >"$0/cgroup.procs" && ./kernel-work forks 3 >forked; ./kernel-work forks 2 >more; exec sleep 0.2' "$group" &
	pid=$!
	record "a control group" --cgroup "$group" -e 'k:sched:sched_process_*' -- sh -c 'echo >go; ./kernel-work forks 1 >/dev/null; sleep 1.5'
	wait
	check_is "--cgroup: all in it" "$(count 'sched:sched_process_fork:.*parent_comm = "kernel-work"')" \
		$(($(said fork forked) + $(said fork more)))
	check_is "--cgroup: nobody outside" "$(count 'sched_process_exec:.*filename = "./kernel-work"')" 2
	rmdir "$group"
else
	skip "--cgroup" "no control groups of version 2 that we may change"
fi
check_match "--cgroup: a name that is none" "$("$PISTE" record -o none --cgroup nonesuch-$$ 2>&1)" 'nonesuch'
check_match "--container: a name that is none" "$("$PISTE" record -o none --container nonesuch-$$ 2>&1)" 'nonesuch'

end
