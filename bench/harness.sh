# harness - what measurements are made of: programs, turns, medians, rows.
# Sourced by run.sh, at the root of the project.
# shellcheck shell=bash disable=SC2034 # of what run.sh and the measurements use

BUILD=${BUILD:-build}
PISTE=$PWD/$BUILD/piste
WORK=$PWD/$BUILD/bench     # programs and traces; traces go as soon as they are checked
RESULTS=$PWD/$BUILD/bench.json

# The traced program has a processor to itself, and the recorder another.
CPUS=$(nproc)
PROGRAM_CPU=0
RECORDER_CPU=$((CPUS > 1 ? 1 : 0))
ALL_CPUS=0-$((CPUS - 1))

n_rows=0 n_met=0 n_missed=0 n_failed=0

say() { printf '%s\n' "bench: $*" >&2; }

failed() { # NAME WHY
	n_failed=$((n_failed + 1))
	say "$1: FAILED: $2"
	[ ! -s "$WORK/stderr" ] || tail -n 3 "$WORK/stderr" | sed 's/^/bench: | /' >&2
	printf '{"name":"%s","failed":"%s"}\n' "$1" "$2" >>"$WORK/rows"
}

number() { # NUMBER: for people
	awk -v n="$1" 'BEGIN {
		if (n == "" || n == "-") print "-"
		else if (n < 0) printf "%.2f\n", n
		else printf((n >= 1000 ? "%.0f\n" : n >= 100 ? "%.1f\n" : "%.2f\n"), n)
	}'
}

compute() { awk "BEGIN { printf \"%.6g\\n\", $1 }"; }

median() { # NUMBER…
	printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END {
		if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# The number behind "KEY": in the JSON on stdin; the last one, if there are more.
field() { # KEY
	grep -o "\"$1\":-\?[0-9.e+-]*" | tail -n 1 | cut -d: -f2
}

program() { # NAME SOURCE… [-- FLAG…]: compiles a program into $WORK
	local out=$WORK/$1 flags=()
	shift
	local sources=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do sources+=("bench/$1") && shift; done
	[ $# -eq 0 ] || shift
	flags=("$@")
	"${CC:-cc}" -O2 -g -D_GNU_SOURCE -Wall -Wextra -Iinclude -Ibench "${sources[@]}" -o "$out" \
		"${flags[@]}" -pthread
}
with_piste=(-DTRACER_PISTE "-L$PWD/$BUILD" "-Wl,-rpath,$PWD/$BUILD" -lpiste)
with_lttng=(-DTRACER_LTTNG -llttng-ust -ldl)

# Records a command with piste; on stdout what it printed, and the summary.
record() { # DIR OPTION… -- CMD…
	local dir=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	rm -rf "$dir"
	taskset -c $RECORDER_CPU "$PISTE" record --no-kernel --json -o "$dir" --buffer 32M "${options[@]}" \
		-- taskset -c $ALL_CPUS "$@" 2>"$WORK/stderr"
}

# Events in a trace, as a third party counts them.
count_events() { # DIR
	babeltrace2 "$1" -c sink.utils.counter -p step=+0 2>>"$WORK/stderr" |
		awk '/Event messages/ { n = $1 } END { print n + 0 }'
}

stream_bytes() { # DIR: of event data, without metadata and indexes
	find "$1" -type f ! -name metadata ! -name '*.idx' -printf '%s\n' |
		awk '{ n += $1 } END { print n + 0 }'
}

# One line of the table. An empty figure is "-". The target is met when VALUE
# (of that ratio or difference that the target speaks of) is at most LIMIT.
row() { # NAME WORK UNIT PEER_NAME PEER FLOOR PISTE TARGET VALUE LIMIT [NOTE]
	local name=$1 work=$2 unit=$3 peer_name=$4 peer=$5 floor=$6 piste=$7 target=${8:-} value=${9:-}
	local limit=${10:-} note=${11:-} met=- ratio=-

	if [ "$value" ] && [ "$limit" ]; then
		if awk "BEGIN { exit !($value <= $limit) }"; then
			met=yes n_met=$((n_met + 1))
		else
			met=NO n_missed=$((n_missed + 1))
		fi
	fi
	if [ "$peer" ] && [ "$piste" ]; then
		ratio=$(awk "BEGIN { if ($piste > 0 && $peer > 0) printf \"%.3g\", $peer / $piste; else print \"-\" }")
	fi
	n_rows=$((n_rows + 1))
	{
		printf '{"name":"%s","work":"%s","unit":"%s",' "$name" "$work" "$unit"
		printf '"peer_name":"%s","peer":%s,"floor":%s,"piste":%s,"peer_to_piste":%s,' \
			"$peer_name" "${peer:-null}" "${floor:-null}" "${piste:-null}" \
			"${ratio/#-/null}"
		printf '"target":"%s","value":%s,"limit":%s,"met":"%s","note":"%s"}\n' \
			"$target" "${value:-null}" "${limit:-null}" "$met" "$note"
	} >>"$WORK/rows"
	printf '%s|%s|%s|%s|%s|%s|%s|%s|%s|%s\n' "$work" "$unit" \
		"$peer_name $(number "$peer")" "$(number "$floor")" "$(number "$piste")" "$ratio" \
		"$target" "$(number "$value")" "$met" "$note" >>"$WORK/table"
}

bench_begin() {
	# two at a time would measure each other, and LTTng's sessions record both
	exec {lock}>"${TMPDIR:-/tmp}/piste-bench-$UID.lock"
	if ! flock -n $lock; then
		say "another one runs: waiting for it"
		flock $lock
	fi
	[ -x "$PISTE" ] || {
		say "$PISTE is not built: make"
		exit 1
	}
	rm -rf "$WORK"
	mkdir -p "$WORK"
	: >"$WORK/rows"
	: >"$WORK/table"
	machine_model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	machine_load=$(cut -d' ' -f1-3 /proc/loadavg)
	say "${machine_model:-$(uname -m)}, $CPUS CPUs, Linux $(uname -r), clock" \
		"$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource), load" \
		"$machine_load, $ROUNDS turns each"
	awk '{ exit !($1 > 0.5) }' /proc/loadavg &&
		say "the machine is busy: trust the ratios, and those not too much"
	trap 'lttng_end' EXIT
	trap 'exit 130' INT TERM
}

bench_end() {
	{
		printf '{"machine":{"model":"%s","cpus":%d,"kernel":"%s","load":"%s"},\n' \
			"$machine_model" "$CPUS" "$(uname -r)" "$machine_load"
		printf '"rounds":%d,"rows":[\n' "$ROUNDS"
		sed '$!s/$/,/' "$WORK/rows"
		printf ']}\n'
	} >"$RESULTS"
	printf '\n%s, %d CPUs, Linux %s, load %s\n\n' "$machine_model" "$CPUS" "$(uname -r)" \
		"$machine_load"
	{
		echo 'work|unit|peer|floor|piste|peer/piste|target|is|met|note'
		cat "$WORK/table"
	} | awk -F'|' '
		function width(s) { gsub(/µ/, "u", s); return length(s) } # characters, not bytes
		{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (width($i) > w[i]) w[i] = width($i) } }
		END { for (r = 1; r <= NR; r++) { line = ""
			for (i = 1; i <= 10; i++)
				line = line sprintf("%s%*s  ", cell[r, i], w[i] - width(cell[r, i]), "")
			sub(/ +$/, "", line); print line } }'
	printf '\n%d rows: %d met, %d not met, %d without a target; %d measurements failed; %s\n' \
		$n_rows $n_met $n_missed $((n_rows - n_met - n_missed)) $n_failed "$RESULTS"
	rm -rf "$WORK"/trace*
	[ $n_failed -eq 0 ]
}
