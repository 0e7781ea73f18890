# recorder - the recorder's processor time for an event, user and system, from
# the first one to the trace on disk; and the bytes that an event is there.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_recorder() {
	program loop-piste b-loop.c -- "${with_piste[@]}"
	program loop-lttng b-loop.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin
	recorder_pair one "one int64" 20
	recorder_pair three "int64, string of 5, double" ""
}

recorder_pair() { # EVENT WORK BYTES_LIMIT
	local cpu=() peer_cpu=() bytes peer_bytes out before events lost
	local args=(-e "$1" -c "$PROGRAM_CPU" -r 400)

	for ((turn = 1; turn <= ROUNDS; turn++)); do
		lttng_start piste-bench "$WORK/trace"
		before=$(lttng_consumer_ns)
		out=$("$WORK/loop-lttng" "${args[@]}")
		events=$(field events <<<"$out")
		lttng -n -q stop piste-bench >/dev/null
		peer_cpu+=("$(compute "($(lttng_consumer_ns) - $before) / $events")")
		lost=$(lttng_stop piste-bench)
		peer_bytes=$(compute "$(stream_bytes "$WORK/trace") / $events")
		[ "$lost" = 0 ] || failed "recorder-$1" "lttng lost $lost"

		out=$(record "$WORK/trace" -e 'bench:*' -- "$WORK/loop-piste" "${args[@]}")
		cpu+=("$(compute "$(field recorder_cpu_ns <<<"$out") / $events")")
		bytes=$(compute "$(stream_bytes "$WORK/trace") / $events")
		[ "$(field lost <<<"$out")" = 0 ] || failed "recorder-$1" "piste lost events"
		rm -rf "$WORK/trace"
	done
	row "recorder-$1" "recorder's CPU, $2" ns LTTng-UST "$(median "${peer_cpu[@]}")" "" \
		"$(median "${cpu[@]}")" "<= 5 ns" "$(median "${cpu[@]}")" 5
	row "bytes-$1" "on disk, $2" bytes LTTng-UST "$peer_bytes" "" "$bytes" \
		"${3:+<= $3 bytes}" "${3:+$bytes}" "$3"
}
