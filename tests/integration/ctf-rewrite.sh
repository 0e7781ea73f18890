#!/bin/sh
# Metadata in the words of the other version of CTF, with the same streams, give the same text:
# so the readers and writers of both agree about every type of the corpora.
. "$(dirname "$0")/../tap.sh"
corpora=${PISTE_CORPORA:-$ROOT/../shared/corpora}/ctf-1.8
[ -d "$corpora" ] || { echo "1..0 # SKIP no corpora (PISTE_CORPORA)" && exit 0; }
PISTE_INDEX_DIR=
export PISTE_INDEX_DIR

text() { # DIR
	timeout 20 "$PISTE" print --raw --no-anchors "$1" 2>err
}

# rewritten NAME FROM VERSION: its text is in `wanted`
rewritten() {
	rm -rf to
	cp -rL "$2" to
	if ! "$PISTE" print -o "ctf$3-metadata" "$2" >to/metadata 2>err; then
		fail "$1" "$(cat err)"
	elif text to >is; then
		check "$1" cmp is wanted
	else
		fail "$1" "$(cat err)"
	fi
}

for metadata in $(find "$corpora/babeltrace/traces/succeed" "$corpora/babeltrace/traces/packet-seq-num" \
	"$corpora/conformance/metadata/pass" "$corpora/conformance/stream/pass" -name metadata | sort); do
	dir=$(dirname "$metadata")
	name=${dir#"$corpora"/}
	text "$dir" >wanted
	rewritten "$name: 1.8 again" "$dir" 1
	rewritten "$name: as 2" "$dir" 2
	[ -d to ] && rm -rf two && mv to two
	rewritten "$name: as 2, and 1.8 again" two 1
done

# What CTF 1.8 cannot say is refused, and said.
mkdir own
printf '\036%s\n' '{"type":"preamble","version":2}' '{"type":"trace-class"}' '{"type":"data-stream-class"}' \
	'{"type":"event-record-class","name":"e","payload-field-class":{"type":"structure","member-classes":[{"name":"n","field-class":{"type":"variable-length-unsigned-integer"}}]}}' >own/metadata
printf '\001\201\001' >own/stream
check_is "LEB128" "$("$PISTE" print own | sed 's/.*{/{/')" "{ n = 1 }
{ n = 129 }"
check_status "not in 1.8" 1 "$PISTE" print -o ctf1-metadata own
check_match "not in 1.8: says so" "$("$PISTE" print -o ctf1-metadata own 2>&1)" 'CTF 1.8 cannot say'
end
