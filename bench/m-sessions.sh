# sessions - one process read by eight recordings at once against one: a record
# is written once for all of them. They come and go while the program runs.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_sessions() {
	local one eight added=() peer_one peer_eight peer_added=() i ones=()

	program loop-piste b-loop.c -- "${with_piste[@]}"
	program loop-lttng b-loop.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin

	loop_begin loop-piste
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		recordings_begin 1
		one=$(loop_turn 1)
		recordings_begin 7
		eight=$(loop_turn 8)
		recordings_end || return 0
		added+=("$(compute "$(field event_ns <<<"$eight") - $(field event_ns <<<"$one")")")
		ones+=("$(field event_ns <<<"$one")")
	done
	loop_end

	loop_begin loop-lttng
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		for i in 1 2 3 4 5 6 7 8; do
			lttng_start piste-bench-$i "$WORK/trace-$i"
			[ $i != 1 ] || peer_one=$(loop_turn 0)
		done
		peer_eight=$(loop_turn 0)
		for i in 1 2 3 4 5 6 7 8; do
			[ "$(lttng_stop piste-bench-$i)" = 0 ] || failed sessions "lttng lost events"
			rm -rf "$WORK/trace-$i"
		done
		peer_added+=("$(compute "$(field event_ns <<<"$peer_eight") - $(field event_ns <<<"$peer_one")")")
	done
	loop_end
	row sessions "seven further recordings, added" ns LTTng-UST "$(median "${peer_added[@]}")" \
		"$(median "${ones[@]}")" "$(median "${added[@]}")" "<= 8 ns" \
		"$(median "${added[@]}")" 8 "floor: an event with one"
}

# The program waits for the number of recordings that it is told, and runs.
loop_begin() { # PROGRAM
	coproc LOOP { exec "$WORK/$1" -c $PROGRAM_CPU -s 0 -r 60 -p 10000; }
	loop_pid=$LOOP_PID
	exec {loop_in}>&"${LOOP[1]}" {loop_out}<&"${LOOP[0]}" # a subshell loses those of the coproc
	eval "exec ${LOOP[1]}>&-"
	read -r _ <&"$loop_out" # ready
	read -r _ <&"$loop_out" # a turn without
}

loop_turn() { # SESSIONS; prints what the program says
	local line
	echo "$1" >&"$loop_in"
	read -r line <&"$loop_out"
	echo "$line"
}

loop_end() {
	exec {loop_in}>&- {loop_out}<&-
	wait "$loop_pid" || true
}

recordings_begin() { # COUNT more, of the program
	local i
	for ((i = 0; i < $1; i++)); do
		taskset -c $RECORDER_CPU "$PISTE" record --no-kernel --json --quiet -o "$WORK/trace-${#recordings[@]}" \
			-e 'bench:*' -p "$loop_pid" >"$WORK/recording-${#recordings[@]}" \
			2>>"$WORK/stderr" &
		recordings+=($!)
	done
}

# Each must have all that the program did while it was there.
recordings_end() {
	local i bad=0
	kill -TERM "${recordings[@]}"
	wait "${recordings[@]}" || true
	for i in "${!recordings[@]}"; do
		[ "$(field lost <"$WORK/recording-$i")" = 0 ] || bad=1
		rm -rf "$WORK/trace-$i"
	done
	[ "$(field events <"$WORK/recording-0")" = 2480000 ] || bad=2
	for ((i = 1; i < ${#recordings[@]}; i++)); do
		[ "$(field events <"$WORK/recording-$i")" = 1240000 ] || bad=2
	done
	recordings=()
	[ $bad = 0 ] || failed sessions "a recording lost events or has others than its own ($bad)"
	return $bad
}
recordings=()
