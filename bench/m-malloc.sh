# malloc - every allocation of sqlite3 at work (sqlite.sql), recorded, against
# the same work bare: the time that sqlite3 itself takes, on its own processor.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_malloc() {
	local bare=() piste=() ratio=() wall out events

	if [ ! -e "$BUILD/libpiste-wrap.so" ]; then
		row malloc "sqlite3, a million rows, allocations" ms "" "" "" "" "<= 1.15 x bare" "" "" \
			"not built: libpiste-wrap.so"
		return
	fi
	program run b-run.c
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		taskset -c $PROGRAM_CPU "$WORK/run" "$WORK/time" sqlite3 :memory: <bench/sqlite.sql \
			>"$WORK/answer-bare"
		wall=$(field wall_ms <"$WORK/time")
		bare+=("$wall")
		out=$(record "$WORK/trace" --malloc -- sh -c \
			"exec taskset -c $PROGRAM_CPU '$WORK/run' '$WORK/time' sqlite3 :memory: <bench/sqlite.sql >'$WORK/answer-piste'")
		cmp -s "$WORK/answer-bare" "$WORK/answer-piste" || failed malloc "sqlite3 answers differently"
		[ "$(field lost <<<"$out")" = 0 ] || failed malloc "piste lost events"
		events=$(field events <<<"$out")
		piste+=("$(field wall_ms <"$WORK/time")")
		ratio+=("$(compute "$(field wall_ms <"$WORK/time") / $wall")")
	done
	row malloc "sqlite3, a million rows, allocations" ms "" "" "$(median "${bare[@]}")" \
		"$(median "${piste[@]}")" "<= 1.15 x bare" "$(median "${ratio[@]}")" 1.15 \
		"$events events"
}
