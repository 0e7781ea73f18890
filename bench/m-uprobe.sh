# uprobe - what it costs to look at a program that was not instrumented: a trap
# on a function, counted by bpftrace, which is not yet a record on disk.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_uprobe() {
	local out pid args=(-e call -c "$PROGRAM_CPU" -n 5000 -r 50) i

	program loop b-loop.c
	program loop-piste b-loop.c -- "${with_piste[@]}"
	timeout 120 taskset -c $RECORDER_CPU bpftrace -e \
		"uprobe:$WORK/loop:bench_function { @ = count(); } END { }" >"$WORK/bpftrace" 2>&1 &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		grep -q Attaching "$WORK/bpftrace" && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	sleep 1
	if ! kill -0 $pid 2>/dev/null; then
		row uprobe "a function of the program" ns bpftrace "" "" "" "" "" "" \
			"bpftrace does not run here: $(tail -n 1 "$WORK/bpftrace" | tr -d '"|\\')"
		return
	fi
	out=$("$WORK/loop" "${args[@]}")
	kill -INT $pid
	wait $pid || true
	if ! grep -q "@: $(field events <<<"$out")\$" "$WORK/bpftrace"; then
		failed uprobe "bpftrace counts $(grep @ "$WORK/bpftrace") of $(field events <<<"$out")"
		return
	fi
	row uprobe "uprobe counts a function; a site records it" ns "bpftrace" \
		"$(field event_ns <<<"$out")" "$(field rdtsc_ns <<<"$out")" \
		"$(record "$WORK/trace" -e 'bench:*' -- "$WORK/loop-piste" -c $PROGRAM_CPU | field event_ns)"
}
