# off - a site that nobody records, against the same loop without it. LTTng's
# site is the same load and branch; its daemon runs, as it does where it is used.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

measure_off() {
	local out peer=() peer_work=() floor=() with=() floor_work=() with_work=()

	program off-piste b-off.c -- "${with_piste[@]}"
	program off-lttng b-off.c lttng-provider.c -- "${with_lttng[@]}"
	lttng_begin
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		out=$(taskset -c $PROGRAM_CPU "$WORK/off-lttng")
		peer+=("$(field empty_site_ns <<<"$out")")
		peer_work+=("$(field work_site_ns <<<"$out")")
		out=$(taskset -c $PROGRAM_CPU "$WORK/off-piste")
		floor+=("$(field empty_ns <<<"$out")")
		with+=("$(field empty_site_ns <<<"$out")")
		floor_work+=("$(field work_ns <<<"$out")")
		with_work+=("$(field work_site_ns <<<"$out")")
	done
	off_row off-empty "site off, else empty loop" "$(median "${peer[@]}")" \
		"$(median "${floor[@]}")" "$(median "${with[@]}")" "<= 0.4 ns, a cycle" 0.4
	off_row off-work "site off, xorshift in the loop" "$(median "${peer_work[@]}")" \
		"$(median "${floor_work[@]}")" "$(median "${with_work[@]}")" "<= 0.1 ns, no more" 0.1
}

off_row() { # NAME WORK PEER FLOOR PISTE TARGET LIMIT
	row "$1" "$2" ns LTTng-UST "$3" "$4" "$5" "$6" "$(compute "$5 - $4")" "$7" "added: piste - floor"
}
