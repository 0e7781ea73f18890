# top - what it adds to a bare getppid to count system calls, and to know how
# long they take: piste top, bpftrace, strace -c, perf trace. The floor is empty
# programs in the same places. All take turns; what is added is against the bare
# loop of the same turn.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_top() {
	local bare=() floor_exit=() floor_both=() count=() latency=() bt_count=() bt_latency=()
	local strace=() perf=() now turn

	[ "$(id -u)" = 0 ] || {
		failed top "needs root"
		return 0
	}
	program getppid b-getppid.c -- -lbpf
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		now=$(getppid)
		bare+=("$now")
		floor_exit+=("$(compute "$(getppid -f exit) - $now")")
		floor_both+=("$(compute "$(getppid -f both) - $now")")
		count+=("$(watched "$now" piste_top "exec $PISTE top --no-latency --json")")
		latency+=("$(watched "$now" piste_top "exec $PISTE top --json")")
		bt_count+=("$(watched "$now" Attaching \
			"exec bpftrace -e 'tracepoint:raw_syscalls:sys_enter { @[args->id] = count(); }'")")
		bt_latency+=("$(watched "$now" Attaching "exec bpftrace -e '
			tracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; }
			tracepoint:raw_syscalls:sys_exit /@start[tid]/ {
				@[args->id] = hist(nsecs - @start[tid]); delete(@start[tid]); }'")")
		strace+=("$(compute "$(strace -c -o "$WORK/strace" \
			"$WORK/getppid" -c $PROGRAM_CPU -b 50 -r 100 | field call_ns) - $now")")
		perf+=("$(compute "$(perf trace -s -o "$WORK/perf" -- \
			"$WORK/getppid" -c $PROGRAM_CPU -b 50 -r 200 | field call_ns) - $now")")
	done
	now="added to a getppid of $(number "$(median "${bare[@]}")") ns"
	row top-count "calls counted, by process and call; bpftrace: by call" ns "bpftrace" \
		"$(median "${bt_count[@]}")" "$(median "${floor_exit[@]}")" "$(median "${count[@]}")" \
		"<= 75 ns" "$(median "${count[@]}")" 75 "$now"
	row top-latency "and how long each takes, a histogram" ns "bpftrace" \
		"$(median "${bt_latency[@]}")" "$(median "${floor_both[@]}")" "$(median "${latency[@]}")" \
		"<= 200 ns" "$(median "${latency[@]}")" 200 "two readings of the clock among them"
	row top-strace "calls, errors and time by call" ns "strace -c" \
		"$(median "${strace[@]}")" "$(median "${floor_both[@]}")" "$(median "${latency[@]}")"
	row top-perf "the same" ns "perf trace -s" \
		"$(median "${perf[@]}")" "$(median "${floor_both[@]}")" "$(median "${latency[@]}")"
}

getppid() { "$WORK/getppid" -c "$PROGRAM_CPU" "$@" | field call_ns; }

# What a command that looks on adds. READY: a program of this name, or a word that it prints.
watched() { # BARE READY COMMAND
	local pid ns i

	taskset -c "$RECORDER_CPU" bash -c "$3" >"$WORK/watcher" 2>&1 &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		if grep -q "$2" "$WORK/watcher" || bpftool prog 2>/dev/null | grep -q "name $2"; then
			break
		fi
		kill -0 $pid 2>/dev/null || break
		sleep 0.05
	done
	sleep 0.7 # bpftrace says so before it has
	ns=$(getppid)
	kill -INT $pid
	wait $pid 2>/dev/null || true
	compute "$ns - $1"
}
