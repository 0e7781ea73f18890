# shellcheck shell=sh
# record.sh - what tests of `piste record` share; sourced behind tap.sh. The
# count of events is babeltrace2's, and so is that of lost ones.
need babeltrace2
CC=${CC:-gcc}
need "$CC"

# shellcheck disable=SC2086 # lists
build() {
	source=$1
	shift
	$CC -std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wno-clobbered -I"$ROOT/include" \
		"$ROOT/tests/integration/$source.c" -o "$source" "$@" \
		-L"$PISTE_BUILD" -lpiste -lpthread -ldl -Wl,-rpath,"$PISTE_BUILD"
}

plugin() {
	$CC -shared -fPIC -O2 -DPLUGIN="$1" -I"$ROOT/include" "$ROOT/tests/integration/probe-plugin.c" -o "$1.so" \
		-L"$PISTE_BUILD" -lpiste -Wl,-rpath,"$PISTE_BUILD"
}

# said WHAT [FILE]: the sum of lines "WHAT N"
said() {
	awk -v what="$1" '$1 == what { n += $2 } END { printf "%d", n }' "${2:-out}"
}

# events TRACE [PATTERN]: how many of the program's events babeltrace2 finds in a trace; its warnings
# go to TRACE.warnings
events() {
	babeltrace2 "$1" 2>"$1.warnings" | grep -v ' piste:' | grep -c -e "${2:-.}"
}

# lost TRACE: how many it says were discarded (behind events)
lost() {
	sed -n 's/.*discarded \([0-9]*\) event.*/\1/p' "$1.warnings" | awk '{ n += $1 } END { printf "%d", n }'
}

# told KEY [FILE]: a number of the JSON summary
told() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "${2:-out}" | tail -1
}

# accounted NAME TRACE LEAST MOST: what is in the trace and what is lost add up to what was emitted
accounted() {
	in_trace=$(events "$2") in_loss=$(lost "$2")
	if [ -e "$2/metadata" ] && [ $((in_trace + in_loss)) -ge "$3" ] && [ $((in_trace + in_loss)) -le "$4" ]; then
		pass "$1"
	else
		fail "$1" "$3 to $4 emitted, $in_trace in the trace, $in_loss lost
$(grep -v discarded "$2.warnings" | head; cat out err)"
	fi
}

# records NAME "OPTIONS" COMMAND...: records it; all that it emitted is in ./trace or counted as lost,
# and the recorder's own account is the same
records() {
	records_name=$1 records_options=$2
	shift 2
	rm -rf trace
	# shellcheck disable=SC2086 # a list
	timeout 120 "$PISTE" record --no-kernel --json -o trace $records_options -- "$@" >out 2>err
	records_status=$?
	accounted "$records_name" trace $(($(said emitted) + $(said least))) $(($(said emitted) + $(said most)))
	check_is "$records_name: the summary agrees" "$records_status $(told events) $(told lost)" "0 $in_trace $in_loss"
}
