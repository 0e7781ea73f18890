# sustained - the highest rate of one thread that the recorder keeps up with for
# as long as it lasts: bursts with pauses between them, shorter and shorter,
# until something is lost. Buffers of 32 MiB on both sides.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_sustained() {
	local best_peer best_piste

	program loop-piste b-loop.c -- "${with_piste[@]}"
	program loop-lttng b-loop.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin
	best_peer=$(highest_rate lttng)
	best_piste=$(highest_rate piste)
	row sustained "one thread, none lost, as long as it lasts" M/s LTTng-UST "$best_peer" "" \
		"$best_piste" "" "" "" "one recorder thread on one CPU, to a file"
}

# Twice over with nothing lost counts.
highest_rate() { # TRACER
	local pause rate again
	for pause in 0 1 50 100 200 400 800 1600; do
		rate=$(run_at "$1" $pause) || continue
		again=$(run_at "$1" $pause) || continue
		compute "($rate + $again) / 2e6"
		return
	done
	echo 0
}

# 30 million events in bursts of 20,000, `pause` µs apart; fails when any is lost.
run_at() { # TRACER PAUSE
	local out lost args=(-q -c "$PROGRAM_CPU" -r 1500 -p "$2")
	if [ "$1" = lttng ]; then
		lttng_start piste-bench "$WORK/trace" </dev/null
		out=$("$WORK/loop-lttng" "${args[@]}")
		lost=$(lttng_stop piste-bench)
	else
		out=$(record "$WORK/trace" -e 'bench:*' -- "$WORK/loop-piste" "${args[@]}")
		lost=$(field lost <<<"$out")
	fi
	rm -rf "$WORK/trace"
	[ "$lost" = 0 ] && field per_s <<<"$out"
}
