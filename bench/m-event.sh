# event - one event to disk, in nanoseconds of the program. The issue's targets
# are multiples of rdtsc, which the program measures beside each burst.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_event() {
	program loop-piste b-loop.c -- "${with_piste[@]}"
	program loop-lttng b-loop.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin
	event_pair one 1 "one int64" 1.25
	event_pair three 1 "int64, string of 5, double" 2
	event_pair one 2 "one int64, 2 threads" 1.25
	event_pair three 2 "int64, string of 5, double, 2 threads" 2
}

event_pair() { # EVENT THREADS WORK LIMIT
	local threads=$2 work=$3 limit=$4 args=(-e "$1" -t "$2" -r 150) out lost
	local peer=() piste=() floor=() ratio=() name=event-$1-$2

	[ "$threads" -gt 1 ] || args+=(-c "$PROGRAM_CPU")
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		lttng_start piste-bench "$WORK/trace-lttng"
		out=$(taskset -c $ALL_CPUS "$WORK/loop-lttng" "${args[@]}")
		lost=$(lttng_stop piste-bench)
		check_lossless "$name" lttng "$out" "$lost" "$WORK/trace-lttng" $turn || return 0
		peer+=("$(field event_ns <<<"$out")")

		out=$(record "$WORK/trace-piste" -e 'bench:*' -- "$WORK/loop-piste" "${args[@]}")
		lost=$(field lost <<<"$out")
		check_lossless "$name" piste "$(head -n 1 <<<"$out")" "$lost" "$WORK/trace-piste" \
			$turn || return 0
		piste+=("$(field event_ns <<<"$out")")
		floor+=("$(field rdtsc_ns <<<"$out")")
		ratio+=("$(field ratio <<<"$out")")
	done
	row "$name" "$work" ns LTTng-UST "$(median "${peer[@]}")" "$(median "${floor[@]}")" \
		"$(median "${piste[@]}")" "<= $limit x rdtsc" "$(median "${ratio[@]}")" "$limit"
}

# What was emitted must be what a third party counts in the trace. Counting takes longer than
# recording: it is done in the first turn, and the tools' own loss reports hold in all of them.
check_lossless() { # NAME TRACER OUTPUT LOST DIR TURN
	local emitted counted
	emitted=$(field events <<<"$3")
	if [ "$4" != 0 ]; then
		failed "$1" "$2 lost $4 of $emitted events"
		return 1
	fi
	if [ "$6" = 1 ]; then
		counted=$(count_events "$5")
		# piste's own events about the recording stand in the trace as well
		if [ "$2" = piste ]; then
			counted=$((counted - $(own_events "$5")))
		fi
		if [ "$counted" != "$emitted" ]; then
			failed "$1" "$2: babeltrace2 counts $counted of $emitted events"
			return 1
		fi
	fi
	rm -rf "$5"
}

# Events of the trace's first stream, in which piste writes of itself.
own_events() { # DIR
	local dir
	dir=$(mktemp -d "$WORK/own.XXXXXX")
	cp "$1"/metadata "$1"/stream-0-* "$dir"
	count_events "$dir"
	rm -r "$dir"
}
