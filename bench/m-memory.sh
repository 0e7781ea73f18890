# memory - what an instrumented process holds resident that the same one bare
# does not, its share of the pool with it: when nobody records, and when a
# thousand threads trace a hundred events each.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_memory() {
	local bare=() piste=() peer=() note

	program nothing b-nothing.c
	program nothing-piste b-nothing.c -- "${with_piste[@]}"
	program nothing-lttng b-nothing.c lttng-provider.c -- "${with_lttng[@]}"
	program threads b-threads.c
	program threads-piste b-threads.c -- "${with_piste[@]}"
	program threads-lttng b-threads.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin

	for ((turn = 1; turn <= ROUNDS; turn++)); do
		bare+=("$("$WORK/nothing" look | field rss_kib)")
		peer+=("$("$WORK/nothing-lttng" look | field rss_kib)")
		out=$("$WORK/nothing-piste" look)
		piste+=("$(field rss_kib <<<"$out")")
	done
	note="pool $(field pool_kib <<<"$out"), private and dirty +$(($(field anonymous_kib <<<"$out") - \
		$("$WORK/nothing" look | field anonymous_kib)))"
	memory_row memory-idle "idle instrumented process" KiB 1 256
	threads_memory
}

threads_memory() {
	local bare=() piste=() peer=() out note

	for ((turn = 1; turn <= ROUNDS; turn++)); do
		bare+=("$("$WORK/threads" 1000 100 | field rss_kib)")
		lttng_start piste-bench "$WORK/trace-lttng"
		peer+=("$("$WORK/threads-lttng" 1000 100 | field rss_kib)")
		[ "$(lttng_stop piste-bench)" = 0 ] || failed memory "lttng lost events"
		out=$(record "$WORK/trace" -- "$WORK/threads-piste" 1000 100)
		[ "$(field lost <<<"$out")" = 0 ] || failed memory "piste lost events"
		piste+=("$(field rss_kib <<<"$out")")
	done
	note="pool $(($(field pool_kib <<<"$out") / 1024)) MiB; LTTng: its buffers too"
	memory_row memory-threads "1,000 threads trace 100 each" MiB 1024 64
}

memory_row() { # NAME WORK UNIT DIVISOR LIMIT; uses bare, piste, peer and note of its caller
	local floor grown
	floor=$(compute "$(median "${bare[@]}") / $4")
	grown=$(compute "$(median "${piste[@]}") / $4 - $floor")
	row "$1" "$2, added" "$3" LTTng-UST "$(compute "$(median "${peer[@]}") / $4 - $floor")" \
		"$floor" "$grown" "<= $5 $3" "$grown" "$5" "$note"
}
