# start - an instrumented program against the same without: the time from spawn
# to end, and what it has that the other has not. libpiste.so is found as it is
# where it is installed, at once: else the search beside the program would count.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_start() {
	local count=$((ROUNDS * 100)) out peer look_bare look_piste look_lttng

	program nothing b-nothing.c
	"${CC:-cc}" -shared -xc /dev/null -o "$WORK/stand-in.so" \
		"-Wl,-soname,$PWD/$BUILD/libpiste.so.0"
	program nothing-piste b-nothing.c -- -DTRACER_PISTE -Wl,--no-as-needed "$WORK/stand-in.so"
	program nothing-lttng b-nothing.c lttng-provider.c -- "${with_lttng[@]}"
	program nothing-static b-nothing.c -- -static
	program nothing-static-piste b-nothing.c -- -DTRACER_PISTE -static "-L$PWD/$BUILD" -l:libpiste.a
	program start b-start.c

	out=$(taskset -c $PROGRAM_CPU "$WORK/start" $count "$WORK/nothing" "$WORK/nothing-piste" \
		"$WORK/nothing-static" "$WORK/nothing-static-piste")
	# by itself: its daemon is still busy with one program when the next one starts
	lttng_begin
	peer=$(taskset -c $PROGRAM_CPU "$WORK/start" $((count / 4)) "$WORK/nothing" \
		"$WORK/nothing-lttng" | field added_0)
	start_row start "start, added; libpiste.so" "$out" 0 "$peer" 100
	start_row start-static "start, added; static libpiste.a" "$out" 1 "" 100
	out=$(record "$WORK/trace" -- taskset -c $PROGRAM_CPU "$WORK/start" $count "$WORK/nothing" \
		"$WORK/nothing-piste")
	start_row start-recorded "start, added; while recorded" "$out" 0 "" ""

	look_bare=$("$WORK/nothing" look)
	look_piste=$("$WORK/nothing-piste" look)
	look_lttng=$("$WORK/nothing-lttng" look)
	count_row threads 0 "threads added" "= 0"
	count_row fds "" "descriptors added" ""
}

start_row() { # NAME WORK OUTPUT PAIR PEER LIMIT
	local added
	added=$(field "added_$4" <<<"$3")
	row "$1" "$2" µs "${5:+LTTng-UST}" "$5" "$(field "bare_$4" <<<"$3")" "$added" \
		"${6:+<= $6 µs}" "${6:+$added}" "$6" "floor: the bare program's whole life"
}

count_row() { # KEY LIMIT WORK TARGET
	local bare piste peer
	bare=$(field "$1" <<<"$look_bare")
	piste=$(compute "$(field "$1" <<<"$look_piste") - $bare")
	peer=$(compute "$(field "$1" <<<"$look_lttng") - $bare")
	row "start-$1" "$3" "" LTTng-UST "$peer" "" "$piste" "$4" "${2:+$piste}" "$2"
}
