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
if command -v babeltrace2 >/dev/null; then
	for metadata in $(cd "$corpora/babeltrace/traces" && find . -name metadata | sort); do
		dir=$(dirname "${metadata#./}")
		name=babeltrace/$dir
		reads out "$PISTE" print "$corpora/babeltrace/traces/$dir"
		ours=$?
		reason=$(printf '%s\n' "$reasons" | awk -v d="$dir" '$1 == d { $1 = ""; print }')
		if [ "$reason" ]; then
			check_match "$name: $reason" "$ours" '^[01]$'
			continue
		fi
		timeout 60 babeltrace2 "$corpora/babeltrace/traces/$dir" >wanted 2>/dev/null
		check_is "$name: status" "$ours" $?
		check "$name: text" cmp out wanted
	done
else
	skip "babeltrace's traces" "no babeltrace2"
fi
end
