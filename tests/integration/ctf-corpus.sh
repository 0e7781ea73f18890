#!/bin/sh
# The corpora of CTF 1.8: each `pass` is decoded to its end, each `fail` refused with its place
# named, and each of babeltrace's own traces gives the text that babeltrace2 prints.
. "$(dirname "$0")/../tap.sh"
corpora=${PISTE_CORPORA:-$ROOT/../shared/corpora}/ctf-1.8
[ -d "$corpora" ] || { echo "1..0 # SKIP no corpora (PISTE_CORPORA)" && exit 0; }

# A reader that hangs or eats the memory fails too.
reads() { # OUT COMMAND...
	out=$1
	shift
	prlimit --as="$limit" timeout 20 "$@" >"$out" 2>err </dev/null
}
limit=2147483648
grep -q __asan_init "$PISTE" && limit=unlimited

# A place: a file, and in it a line or a byte.
names_its_place() {
	grep -Eq '(metadata:[0-9]+:[0-9]+|at byte [0-9]+): error: ' err
}

for kind in metadata stream; do
	for dir in "$corpora/conformance/$kind/pass"/*/; do
		name=conformance/$kind/pass/$(basename "$dir")
		reads out "$PISTE" print "$dir"
		check_is "$name" "$? $(grep -c ': error:' err)" "0 0"
	done
	for dir in "$corpora/conformance/$kind/fail"/*/; do
		name=conformance/$kind/fail/$(basename "$dir")
		reads out "$PISTE" print "$dir"
		status=$?
		names_its_place && place=named || place='not named'
		check_is "$name" "$status $place" "1 named"
	done
done

# Where our text is another than babeltrace2's, and why.
reasons='
fail/invalid-packet-size/trace   what is there of a packet that the file cuts short is printed
succeed/meta-ctx-sequence        babeltrace2 2.0.4 aborts
'
traces=$corpora/babeltrace/traces
if command -v babeltrace2 >/dev/null; then
	for metadata in $(cd "$traces" && find . -name metadata | sort); do
		dir=$(dirname "${metadata#./}")
		name=babeltrace/$dir
		reads out "$PISTE" babeltrace2 "$traces/$dir"
		ours=$?
		reason=$(printf '%s\n' "$reasons" | awk -v d="$dir" '$1 == d { $1 = ""; print }')
		if [ "$reason" ]; then
			check_match "$name: $reason" "$ours" '^[01]$'
			continue
		fi
		timeout 60 babeltrace2 "$traces/$dir" >wanted 2>/dev/null
		check_is "$name: status" "$ours" $?
		check "$name: text" cmp out wanted
		reads out "$PISTE" babeltrace2 -c sink.text.details "$traces/$dir"
		timeout 60 babeltrace2 "$traces/$dir" -c sink.text.details >wanted 2>/dev/null
		check "$name: details" cmp out wanted
	done
else
	skip "babeltrace's traces beside babeltrace2" "no babeltrace2"
fi

# What babeltrace's own tests expect: the options that they give, as far as ours can be given them.
expect=$corpora/babeltrace/expect
expects() { # TRACE EXPECT PARAMS
	reads out "$PISTE" babeltrace2 -c sink.text.details -p "$3" "$traces/$1"
	# shellcheck disable=SC2016 # these are no commands
	sed 's/^  Trace ``:/  Trace `the-trace`:/' out >is # they name it by a parameter
	check "expected: $2" cmp is "$expect/$2.expect"
}
names=with-trace-name=no,with-stream-name=no
src=plugins/src.ctf.fs/succeed
for trace in 2packets array-align-elem meta-ctx-sequence smalltrace struct-array-align-elem session-rotation \
	barectf-event-before-packet lttng-tracefile-rotation; do
	expects succeed/$trace $src/trace-$trace $names
done
for trace in meta-variant-no-underscore meta-variant-one-underscore meta-variant-reserved-keywords \
	meta-variant-same-with-underscore meta-variant-two-underscores; do
	skip "expected: $trace" "what a sink of babeltrace2 wrote, read again: its metadata, not the trace's"
done
details=plugins/sink.text.details/succeed
while read -r name params; do
	expects succeed/wk-heartbeat-u $details/$name "with-stream-name=no,$params"
done <<LIST
default-without-names $names
default with-uuid=yes
default-without-trace-name with-trace-name=no
default-without-uuid with-uuid=no
default-without-time with-time=no
default-without-metadata with-metadata=no
default-without-data with-data=no
default-without-data-without-metadata with-data=no,with-metadata=no
default-compact compact=yes
default-compact-without-metadata compact=yes,with-metadata=no
default-compact-without-time compact=yes,with-time=no
LIST
for trace in lttng-crash lttng-event-after-packet; do
	reads out "$PISTE" babeltrace2 -c sink.text.details -p compact=yes "$traces/succeed/$trace"
	grep -v 'Packet beginning' out | grep 'Packet end' >is
	check "expected: $trace" cmp is "$expect/$src/trace-$trace.expect"
done
end
