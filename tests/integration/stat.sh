#!/bin/sh
# piste stat: counts that agree with babeltrace2 and with the recorder.
. "$(dirname "$0")/../tap.sh"
need babeltrace2 cc

check "the program builds" cc -O1 -I"$ROOT/include" -o program "$ROOT/tests/integration/print-fields.c" \
	-L"$PISTE_BUILD" -lpiste -Wl,-rpath,"$PISTE_BUILD" -lm
check "it is recorded" "$PISTE" record --no-kernel -o trace -- ./program 500

"$PISTE" stat trace >out 2>err
check_is "status and complaints" "$? $(cat err)" "0 "
check_match "title" "$(cat out)" '^trace  CTF 1.8, recorded by piste on '
check_match "events" "$(cat out)" '^  events    3,501 \(and [0-9]+ of the recorder\), [0-9,]+/s$'
check_match "losses" "$(cat out)" '^  lost      0 events of 3,501$'
check_match "cost" "$(cat out)" '^  cost      recorder [0-9.]+ (ns|us|ms|s|µs) of CPU, .* of one core'
check_match "a class" "$(cat out)" '^  shop:order_done +500 +[0-9.]+ % +[0-9,]+ +[0-9,]+ +[0-9.]+$'
check_match "a process" "$(cat out)" '^ +[0-9]+  program +1 +3,500 +0  ./program 500$'
check_match "its child" "$(cat out)" '^ +[0-9]+  program +1 +1 +0  ./program 500$'
check_match "the clock's uncertainty" "$(cat out)" '^    [0-9]+ anchors: read to [0-9]+ ns, straight to [0-9]+ ns'
check_match "the environment" "$(cat out)" '^  tracer_name = piste$'
check_is "no colour in a pipe" "$(grep -c "$(printf '\033')" out)" 0

# Each class against babeltrace2.
babeltrace2 --no-delta trace | sed 's/^\[[^]]*\] [^ ]* \([^ ]*\): .*/\1/' | sort | uniq -c |
	awk '{ print $2, $1 }' | sort >wanted
"$PISTE" stat --all trace | awk '$1 ~ /^[a-z]+:[a-z_]+$/ && $2 != "0" { gsub(",", "", $2); print $1, $2 }' |
	sort >is
check_is "counts of all classes" "$(cat is)" "$(cat wanted)"

"$PISTE" stat --json trace >json
check_match "json" "$(cat json)" '^\{"traces":\[\{"trace":"trace","ctf":"1.8","event_count":3501,.*"lost_events":0,'
check_match "json: classes" "$(cat json)" '\{"name":"shop:child","count":1,"size_bytes":[0-9]+,"recorder":false\}'
if command -v python3 >/dev/null; then
	check "json: parses" python3 -m json.tool json
else
	skip "json: parses" "no python3"
fi

# The span is that of the events.
first=$("$PISTE" print --statedump --clock-date --no-delta trace | sed -n '1s/^\[\([^]]*\)\].*/\1/p')
last=$("$PISTE" print --statedump --clock-date --no-delta trace | sed -n '$s/^\[\([^]]*\)\].*/\1/p')
check_match "begin" "$(cat out)" "^  begin     $first\$"
check_match "end" "$(cat out)" "^  end       $last  after "

# Losses are told: a pool too small for what is emitted at once.
"$PISTE" record --no-kernel -o lossy --buffer 64K -- ./program 200000 >/dev/null 2>&1
counted=$("$PISTE" stat --json lossy | sed 's/.*"event_count":\([0-9]*\),.*"lost_events":\([0-9]*\),.*/\1 \2/')
check_is "emitted = recorded + lost" "$((${counted% *} + ${counted#* }))" 1400001
bt_lost=$(babeltrace2 lossy 2>&1 >/dev/null | sed -n 's/.*Tracer discarded \([0-9]*\) events\{0,1\} .*/\1/p' |
	awk '{ n += $1 } END { print n + 0 }')
check_is "babeltrace2 knows of the same losses" "$bt_lost" "${counted#* }"

# What is broken is named, the rest counted.
cp -r trace cut
stream=$(ls -S cut/stream-* | head -1)
head -c $(($(wc -c <"$stream") / 2)) "$stream" >half && cp half "$stream"
"$PISTE" stat cut >out 2>err
check_is "cut: status" $? 1
check_match "cut: says where" "$(cat err)" "$(basename "$stream") at byte"
check_match "cut: the rest" "$(cat out)" '^  events    [0-9,]+'

check_status "no trace" 2 "$PISTE" stat
check_status "not a trace" 1 "$PISTE" stat program
check_status "unknown option" 2 "$PISTE" stat --frobnicate trace
check_match "help says how to read it" "$("$PISTE" stat --help)" 'LOST is what the tracer counted'
end
