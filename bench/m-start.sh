# start - an instrumented program against the same without: the time from spawn
# to end, and what it has that the other has not. libpiste.so is found as it is
# where it is installed, at once: else the search beside the program would count.
# shellcheck shell=bash

measure_start() {
	local count=$((ROUNDS * 60)) out look_bare look_piste look_lttng

	program nothing b-nothing.c
	"${CC:-cc}" -shared -xc /dev/null -o "$WORK/stand-in.so" \
		"-Wl,-soname,$PWD/$BUILD/libpiste.so.0"
	program nothing-piste b-nothing.c -- -DTRACER_PISTE -Wl,--no-as-needed "$WORK/stand-in.so"
	program nothing-lttng b-nothing.c lttng-provider.c -- "${with_lttng[@]}"
	program nothing-static b-nothing.c -- -static
	program nothing-static-piste b-nothing.c -- -DTRACER_PISTE -static "-L$PWD/$BUILD" -l:libpiste.a
	program start b-start.c
	lttng_begin

	out=$(taskset -c $PROGRAM_CPU "$WORK/start" $count "$WORK/nothing" "$WORK/nothing-piste" \
		"$WORK/nothing-static" "$WORK/nothing-static-piste" "$WORK/nothing-lttng")
	start_row start "start, added; libpiste.so" "$out" 0 1 4
	start_row start-static "start, added; static libpiste.a" "$out" 2 3 ""
	out=$(record "$WORK/trace" -- taskset -c $PROGRAM_CPU "$WORK/start" $count "$WORK/nothing" \
		"$WORK/nothing-piste")
	start_row start-recorded "start, added; while recorded" "$out" 0 1 ""

	look_bare=$("$WORK/nothing" look)
	look_piste=$("$WORK/nothing-piste" look)
	look_lttng=$("$WORK/nothing-lttng" look)
	count_row threads 0 "threads added" "= 0"
	count_row fds "" "descriptors added" ""
}

start_row() { # NAME WORK OUTPUT BARE PISTE LTTNG: indexes
	local bare piste peer=
	bare=$(field "start_$4" <<<"$3")
	piste=$(compute "$(field "start_$5" <<<"$3") - $bare")
	[ -z "$6" ] || peer=$(compute "$(field "start_$6" <<<"$3") - $bare")
	row "$1" "$2" µs "${6:+LTTng-UST}" "$peer" "$bare" "$piste" "<= 100 µs" "$piste" 100 \
		"floor: the bare program's whole life"
}

count_row() { # KEY LIMIT WORK TARGET
	local bare piste peer
	bare=$(field "$1" <<<"$look_bare")
	piste=$(compute "$(field "$1" <<<"$look_piste") - $bare")
	peer=$(compute "$(field "$1" <<<"$look_lttng") - $bare")
	row "start-$1" "$3" "" LTTng-UST "$peer" "" "$piste" "$4" "${2:+$piste}" "$2"
}
