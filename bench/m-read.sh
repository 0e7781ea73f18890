# read - reading traces: counted, filtered, as text; beside babeltrace2, and
# beside a loop written by hand for the one layout (the floor). Processor time
# an event, of all threads together; a trace is read from the page cache.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_read() {
	program run b-run.c
	program walk b-walk.c
	program trace b-trace.c
	program loop-lttng b-loop.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin
	read_record one
	read_record three
	lttng_end
	read_rows one "one int64" 10
	read_rows three "int64, string of 5, double" 50
	read_streams
	read_first_line
}

# 14 million events of LTTng-UST, two threads.
read_record() { # EVENT
	lttng_start piste-bench "$WORK/trace-$1" </dev/null
	"$WORK/loop-lttng" -q -e "$1" -t 2 -r 350 -p 4000 >"$WORK/out"
	[ "$(lttng_stop piste-bench)" = 0 ] || failed read "LTTng lost events of $1"
	read_events=$(field events <"$WORK/out")
}

# What a command takes; its output is thrown away.
took() { # KEY COMMAND…
	local key=$1
	shift
	"$WORK/run" "$WORK/took" "$@" >/dev/null 2>>"$WORK/stderr" || true
	field $key <"$WORK/took"
}

# The median of so many turns, peer and piste alternating: ns an event into peer_ns, piste_ns.
alternate() { # EVENTS PEER_COMMAND PIECE_COMMAND
	local peer=() own=() turn
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		# it takes so long that one turn in three is enough
		[ $((turn % 3)) -ne 1 ] || peer+=("$(took cpu_ms $2)")
		own+=("$(took cpu_ms $3)")
	done
	peer_ns=$(compute "$(median "${peer[@]}") * 1e6 / $1")
	piste_ns=$(compute "$(median "${own[@]}") * 1e6 / $1")
}

floor_ns() { # KEY DIR
	local all=() turn files
	mapfile -t files < <(find "$2" -name 'ch_*' -type f ! -name '*.idx')
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		all+=("$("$WORK/walk" "${files[@]}" | field $1)")
	done
	compute "$(median "${all[@]}") / $read_events"
}

read_rows() { # EVENT WORK COUNT_LIMIT
	local dir=$WORK/trace-$1 walk scan filter
	walk=$(floor_ns ns $dir)
	scan=$(floor_ns scan_ns $dir)
	filter=$WORK/filter.sh
	printf 'exec %s print --filter "n == 7" %s\n' "$PISTE" "$dir" >$filter

	alternate $read_events "babeltrace2 $dir -c sink.utils.counter" "$PISTE stat $dir"
	row read-count-$1 "count by class: $2" ns babeltrace2 "$peer_ns" "$walk" "$piste_ns" \
		"<= $3 ns an event" "$piste_ns" $3 "adding up its bytes takes $(number $scan) ns"
	alternate $read_events "babeltrace2 $dir -c sink.utils.dummy" "sh $filter"
	row read-filter-$1 "filter on one field: $2" ns "babeltrace2 (dummy)" "$peer_ns" "$walk" \
		"$piste_ns" "<= 20 ns an event" "$piste_ns" 20
	alternate $read_events "babeltrace2 $dir" "$PISTE print $dir"
	row read-text-$1 "text: $2" ns babeltrace2 "$peer_ns" "" "$piste_ns" "<= 100 ns a line" \
		"$piste_ns" 100
	row read-memory-$1 "memory of text: $2" MiB "" "" "" \
		"$(compute "$(took max_kib "$PISTE" print $dir) / 1024")" "<= 64 MiB" \
		"$(compute "$(took max_kib "$PISTE" print $dir) / 1024")" 64
}

# The same 8 million events in one stream, and in a thousand that take turns.
read_streams() {
	local n one='' dir=$WORK/trace-streams
	for n in 1 1000; do
		"$WORK/trace" $dir $n 8000000 16
		alternate 8000000 "true" "$PISTE stat $dir"
		[ "$one" ] || one=$piste_ns
		row read-count-$n "count: $n streams" ns "" "" "" "$piste_ns" "<= 10 ns an event" \
			"$piste_ns" 10 "against one stream: $(number "$(compute "$piste_ns / $one")")"
		rm -rf $dir
	done
	one=
	for n in 1 1000; do
		"$WORK/trace" $dir $n 8000000 16
		alternate 8000000 "true" "$PISTE print $dir"
		[ "$one" ] || one=$piste_ns
		row read-text-$n "text: $n streams, by turns of 16 events" ns "" "" "" "$piste_ns" \
			"<= 1.5 x one stream" "$(compute "$piste_ns / $one")" 1.5
		rm -rf $dir
	done
	# babeltrace2 takes minutes for what we take a second for: a tenth of it
	"$WORK/trace" $dir 1000 800000 16
	alternate 800000 "babeltrace2 $dir" "$PISTE print $dir"
	row read-text-peer-1000 "text: 1000 streams, 800,000 events" ns babeltrace2 "$peer_ns" "" \
		"$piste_ns"
	rm -rf $dir
}

read_first_line() {
	local all=() turn
	printf '%s print %s | head -n 1\n' "$PISTE" "$WORK/trace-one $WORK/trace-three" >"$WORK/first.sh"
	for ((turn = 1; turn <= ROUNDS; turn++)); do all+=("$(took wall_ms sh "$WORK/first.sh")"); done
	row read-first "first line of text" ms "" "" "" "$(median "${all[@]}")" "<= 50 ms" \
		"$(median "${all[@]}")" 50
}
