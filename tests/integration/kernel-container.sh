#!/bin/sh
# piste record --container and --cgroup: a container that the test makes of
# namespaces and a control group, as docker would, with docker's state file in a
# mount namespace of the test's own. What runs in it is recorded, all of it,
# and nothing that runs beside it.
. "$(dirname "$0")/../tap.sh"
need babeltrace2
need jq
need unshare

[ "$(id -u)" = 0 ] || {
	echo "1..0 # SKIP needs root"
	exit 0
}
mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ "$mount" ] && [ -w "$mount/cgroup.procs" ] || {
	echo "1..0 # SKIP no cgroup2 is mounted that may be written"
	exit 0
}
"$PISTE" doctor kernel >/dev/null 2>&1 || {
	echo "1..0 # SKIP this kernel or user cannot (piste doctor kernel)"
	exit 0
}

# In a mount namespace of its own, so that the engine's state is seen by nobody else.
if [ ! "${CONTAINER_TEST_INSIDE:-}" ]; then
	cd "$ROOT" && rm -rf "$WORK"
	CONTAINER_TEST_INSIDE=1 exec unshare -m --propagation private tests/integration/kernel-container.sh
fi
mkdir -p /var/lib/docker
mount -t tmpfs none /var/lib/docker || {
	echo "1..0 # SKIP no mount namespace"
	exit 0
}

id=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
other=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
name=piste-test-$$
group=/docker/$id
had_parent=$(test -d "$mount/docker" && echo yes)
mkdir -p "$mount$group/inner" "$mount/docker/$other"
for one in "$id $name" "$other $name-other"; do
	mkdir -p "/var/lib/docker/containers/${one% *}"
	printf '{"ID":"%s","Name":"/%s","State":{"Running":true}}\n' "${one% *}" "${one#* }" \
		>"/var/lib/docker/containers/${one% *}/config.v2.json"
done

pids=
cleanup() {
	# shellcheck disable=SC2086 # a list
	[ "$pids" ] && kill -9 $pids 2>/dev/null
	for procs in "$mount$group/inner/cgroup.procs" "$mount$group/cgroup.procs" "$mount/docker/$other/cgroup.procs"; do
		while read -r pid; do kill -9 "$pid" 2>/dev/null; done <"$procs"
	done 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		rmdir "$mount$group/inner" "$mount$group" "$mount/docker/$other" 2>/dev/null
		[ -d "$mount$group" ] || [ -d "$mount/docker/$other" ] || break
		sleep 0.2
	done
	[ "$had_parent" ] || rmdir "$mount/docker" 2>/dev/null
	cd / && rm -rf "$WORK"
}
trap cleanup EXIT

# A program that runs another N times, once it is told to: the same inside and outside.
cat >worker <<'END'
#!/bin/sh
# worker CGROUP FIFO PROGRAM N
[ "$1" = - ] || echo $$ >"$1/cgroup.procs" || exit 1
exec unshare -p -f --kill-child sh -c '
	while read -r word <"$1"; do
		i=0
		while [ $i -lt "$3" ]; do "$2"; i=$((i + 1)); done
		echo done >"$1.done"
	done' worker "$2" "$3" "$4"
END
chmod +x worker
for program in inside-one inside-two outside neighbour; do
	cp /bin/true $program
done
# start NAME CGROUP N
start() {
	mkfifo "$1.fifo" "$1.fifo.done"
	./worker "$2" "$WORK/$1.fifo" "$WORK/$1" "$3" &
	pids="$pids $!"
}
start inside-one "$mount$group" 40
start inside-two "$mount$group/inner" 25
start neighbour "$mount/docker/$other" 30
start outside - 20

# All of them at work, at once; until all are done.
work() {
	for worker in inside-one inside-two neighbour outside; do
		echo go >"$worker.fifo"
	done
	for worker in inside-one inside-two neighbour outside; do
		timeout 20 cat "$worker.fifo.done" >/dev/null
	done
}

# record TRACE OPTIONS...: while they work
record() {
	trace=$1
	shift
	"$PISTE" record -o "$trace" --json "$@" >"$trace.json" 2>"$trace.err" &
	recorder=$!
	for _ in $(seq 100); do
		[ -e "$trace/metadata" ] && break
		kill -0 $recorder 2>/dev/null || break
		sleep 0.1
	done
	sleep 0.5
	work
	sleep 0.2
	kill -INT $recorder 2>/dev/null
	wait $recorder
	echo $? >"$trace.status"
	babeltrace2 "$trace" >"$trace.text" 2>"$trace.warnings"
}

# execs TRACE PROGRAM
execs() {
	grep 'sched_process_exec:' "$1.text" | grep -c "\"[^\"]*/$2\""
}

# recorded NAME TRACE
recorded() {
	if [ "$(cat "$2.status")" != 0 ] || [ ! -s "$2.text" ]; then
		fail "$1" "$(cat "$2.status" "$2.err" "$2.json")"
		return
	fi
	check_is "$1: all of the container, nothing else" \
		"$(execs "$2" inside-one) $(execs "$2" inside-two) $(execs "$2" neighbour) $(execs "$2" outside)" \
		"40 25 0 0"
	check_is "$1: nothing lost" "$(grep -c discarded "$2.warnings")" 0
}

record by-name --container "$name" -e 'sched:sched_process_exec'
recorded "--container NAME" by-name
record by-id --container "$(printf %.12s "$id")" -e 'sched:sched_process_exec'
recorded "--container ID" by-id
record by-cgroup --cgroup "$group" -e 'sched:sched_process_exec'
recorded "--cgroup NAME" by-cgroup
record by-path --cgroup "$mount$group/" -e 'sched:sched_process_exec'
recorded "--cgroup PATH" by-path

# Below it only the inner ones.
record inner --cgroup "$group/inner" -e 'sched:sched_process_exec'
check_is "--cgroup of one within: only that" \
	"$(execs inner inside-one) $(execs inner inside-two) $(execs inner neighbour)" "0 25 0"

# What was there at the start is told, with names and with the numbers of both pid namespaces.
grep 'state:task' by-name.text | grep "cgroup = \"$group\"" >tasks
check "state: the container's tasks" test -s tasks
check_is "state: … all by its name" "$(grep -vc "container = \"$name\"" tasks)" 0
check_match "state: two numbers, the inner one is 1" "$(cat tasks)" 'ns_pids = \[ \[0\] = [0-9]+, \[1\] = 1 \]'

# Names that are none.
check_status "an unknown container fails" 1 "$PISTE" record --container "${name}x" -o none -- true
check_match "… and the nearest is told" "$("$PISTE" record --container "${name}x" -o none -- true 2>&1)" \
	"did you mean $name"
check_status "a beginning of two names' ids, or of none" 1 "$PISTE" record --container zz -o none -- true
check_status "an unknown cgroup fails" 1 "$PISTE" record --cgroup "/docker/$id/iner" -o none -- true
check_match "… and the nearest is told" "$("$PISTE" record --cgroup "/docker/$id/iner" -o none -- true 2>&1)" \
	"did you mean $group/inner"
check_status "a directory that is no cgroup" 1 "$PISTE" record --cgroup /usr -o none -- true
check "no trace is left of these" test ! -e none

# The container ends while it is recorded: what it did is in the trace.
"$PISTE" record -o ended --container "$name" -e 'sched:sched_process_exit' >ended.json 2>ended.err &
recorder=$!
for _ in $(seq 100); do [ -e ended/metadata ] && break; sleep 0.1; done
sleep 0.5
while read -r pid; do kill -9 "$pid"; done <"$mount$group/cgroup.procs"
sleep 0.5
kill -INT $recorder 2>/dev/null
wait $recorder
check_match "a container that ends is recorded to its end" "$(babeltrace2 ended 2>/dev/null)" 'sched_process_exit'
end
