#!/bin/sh
# piste babeltrace2 beside babeltrace2: each option of convert, on traces that show it.
. "$(dirname "$0")/../tap.sh"
need babeltrace2
traces=${PISTE_CORPORA:-$ROOT/../shared/corpora}/ctf-1.8/babeltrace/traces
[ -d "$traces" ] || { echo "1..0 # SKIP no corpora (PISTE_CORPORA)" && exit 0; }
TZ=America/St_Johns
export TZ

# same OPTION... : text and warnings of both, on every trace of $on
same() {
	for trace in $on; do
		"$PISTE" babeltrace2 "$@" "$traces/$trace" >out 2>err
		ours=$?
		babeltrace2 "$@" "$traces/$trace" >wanted 2>wanted.err
		check_is "$trace $*: status" $ours $?
		check "$trace $*" cmp out wanted
		grep '^WARNING: Tracer' err >told
		grep '^WARNING: Tracer' wanted.err >wanted.told
		check "$trace $*: warnings" cmp told wanted.told
	done
}

on='succeed/wk-heartbeat-u succeed/2packets succeed/succeed1 packet-seq-num/2-streams-lost-in-2'
same
same --no-delta
same --clock-cycles
same --clock-date
same --clock-gmt
same --clock-seconds
same --clock-date --clock-gmt --no-delta
same --clock-offset=100
same --clock-offset-ns=-77
same --names=all
same -n none
same -n payload,header
same -n context,scope
same --fields=all
same -f trace,loglevel
same -f trace:hostname,emf -n all --clock-seconds
same --color=never
same -c sink.utils.counter
same -c sink.text.details
same -c sink.text.details -p 'compact=yes, with-uuid=no'
same -c sink.utils.dummy

on='succeed/multi-domains succeed/session-rotation succeed/lttng-tracefile-rotation'
same --clock-date

on='intersection/3eventsintersect intersection/3eventsintersectreverse intersection/nointersect intersection/onestream'
same --stream-intersection

on=succeed/wk-heartbeat-u
same --begin=17:48:17.587
same --begin=17:48:17.587 --end 17:48:17.59
same --clock-gmt -b '2012-10-29 17:48:17.587029529' -e '2012-10-29 17:48:17.589'
same --begin=1351532897.588 --clock-seconds
same --end=1351532897.588
same --timerange='[1351532897.588,1351532897.589]'
same --timerange=1351532897.588,1351532897.589 --no-delta
same --begin=1400000000

ln -s "$PISTE" babeltrace2
./babeltrace2 "$traces/succeed/2packets" >out
"$PISTE" babeltrace2 convert "$traces/succeed/2packets" >wanted
check "called babeltrace2" cmp out wanted
"$PISTE" babeltrace2 -o ctf-metadata "$traces/succeed/2packets" >out
babeltrace2 -o ctf-metadata "$traces/succeed/2packets" >wanted
check "-o ctf-metadata" cmp out wanted
"$PISTE" babeltrace2 -w file "$traces/succeed/2packets"
check "-w" test -s file
check_status "no trace" 2 "$PISTE" babeltrace2
check_status "an unknown component" 2 "$PISTE" babeltrace2 -c sink.my.own "$traces/succeed/2packets"
check_status "an unknown parameter" 2 "$PISTE" babeltrace2 -c sink.text.details -p colour=yes "$traces/succeed/2packets"
check_status "a parameter of nothing" 2 "$PISTE" babeltrace2 -p compact=yes "$traces/succeed/2packets"

# --strict: a trace that others read with a warning
"$PISTE" print "$traces/succeed/warnings" >out 2>err
check_is "lenient" "$? $(wc -l <out | tr -d ' ')" "0 7809"
check_status "strict" 1 "$PISTE" print --strict "$traces/succeed/warnings"
check_status "strict, and nothing wrong" 0 "$PISTE" print --strict "$traces/succeed/2packets"
end
