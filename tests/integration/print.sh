#!/bin/sh
# piste print: babeltrace2's lines, and what babeltrace2 has not.
. "$(dirname "$0")/../tap.sh"
need babeltrace2 cc

TZ=Europe/Berlin
export TZ
unset BABELTRACE_TERM_COLOR NO_COLOR

build() { # OUT SOURCE
	cc -O1 -I"$ROOT/include" -o "$1" "$2" -L"$PISTE_BUILD" -lpiste -Wl,-rpath,"$PISTE_BUILD" -lm
}

check "the program builds" build program "$ROOT/tests/integration/print-fields.c"
check "it is recorded" "$PISTE" record --no-kernel -o trace -- ./program 100

# --- the same lines ----------------------------------------------------------

# same NAME TRACE OPTION...: both print the same, all of it, warnings too
same() {
	same_name=$1 same_trace=$2
	shift 2
	babeltrace2 "$@" "$same_trace" >bt.out 2>bt.all
	"$PISTE" print --raw --no-anchors --statedump "$@" "$same_trace" >piste.out 2>piste.all
	grep '^WARNING: Tracer' bt.all >bt.err
	grep '^WARNING: Tracer' piste.all >piste.err
	if [ -s bt.out ] && cmp -s bt.out piste.out && cmp -s bt.err piste.err; then
		pass "same: $same_name"
	else
		fail "same: $same_name" "$(diff bt.out piste.out | head -4; diff bt.err piste.err | head -4)"
	fi
}

same_all() { # NAME TRACE
	same "$1" "$2"
	same "$1, --no-delta --clock-date" "$2" --no-delta --clock-date
	same "$1, --clock-cycles" "$2" --clock-cycles
	same "$1, --clock-seconds --names none" "$2" --clock-seconds --names none
	same "$1, --clock-gmt --names all --fields all" "$2" --clock-gmt --names all --fields all
	same "$1, --names header,scope" "$2" --names header,scope
	same "$1, --fields loglevel,trace:domain" "$2" --fields loglevel,trace:domain,emf
}

same_all "a trace of piste" trace
BABELTRACE_TERM_COLOR=always babeltrace2 --color always trace >bt.out 2>/dev/null
{
	"$PISTE" print --raw --no-anchors --statedump --color always trace
	printf '\033[0m' # babeltrace2 says goodbye to the terminal
} >piste.out
check "same: in colour" cmp bt.out piste.out

# Bounds; of the events of the program, since babeltrace2 2.0 repeats an older string where one
# is empty after it has searched for the beginning.
bounds() {
	bounds_name=$1
	shift
	babeltrace2 "$@" trace 2>&1 | grep ' shop:' >bt.out
	"$PISTE" print --raw --no-anchors --statedump "$@" trace 2>&1 | grep ' shop:' >piste.out
	if [ -s bt.out ] && cmp -s bt.out piste.out; then
		pass "same: $bounds_name"
	else
		fail "same: $bounds_name" "$(diff bt.out piste.out | head -4)"
	fi
}
at() { # LINE OPTION: the time of a line
	babeltrace2 "$2" trace | grep ' shop:' | sed -n "$1s/^\[\([^]]*\)\].*/\1/p"
}
bounds "--begin in seconds" --begin "$(at 200 --clock-seconds)"
bounds "--end in seconds" --end "$(at 200 --clock-seconds)"
bounds "--begin with a date" --begin "$(at 300 --clock-date)"
bounds "--end as a time of the day" --end "$(at 300 --no-delta)"
bounds "--timerange" --timerange "[$(at 100 --no-delta),$(at 400 --no-delta)]"
check_status "a bound that is no time" 2 "$PISTE" print --begin yesterday trace
check_status "--begin behind --end" 1 "$PISTE" print --begin 5 --end 4 trace

# --- what piste adds -----------------------------------------------------------

"$PISTE" print trace >all 2>err
check_is "nothing to complain of" "$(cat err)" ""
check_is "its own events are hidden" "$(grep -c ' piste:' all)" 0
check_is "all events of the program" "$(wc -l <all | tr -d ' ')" \
	"$(babeltrace2 trace | grep -c ' shop:')"
check_is "-e that names them shows them" \
	"$("$PISTE" print -e 'piste:*' trace | grep -c ' piste:clock_anchor')" \
	"$(babeltrace2 trace | grep -c ' piste:clock_anchor')"
check_match "a log message" "$(cat all)" 'shop:log: .*\{ msg = "retry 3 of /index.html" \}$'
check_match "its fields" "$("$PISTE" print --raw trace)" \
	'shop:log: .*\{ fmt = \( "retry %d of %s" : container = 0 \), i = 3, '

check_is "-e" "$("$PISTE" print -e 'shop:order*' trace | wc -l | tr -d ' ')" 100
check_is "-e without a colon" "$("$PISTE" print -e 'order_done' -e 'u:shop:child' trace | wc -l | tr -d ' ')" 101
check_is "-e '!…'" "$("$PISTE" print -e '!checkout*' -e '!*done' trace | grep -c 'checkout\|done')" 0
check_status "-e that names nothing" 1 "$PISTE" print -e shop:ordr_done trace
check_match "… suggests" "$("$PISTE" print -e shop:ordr_done trace 2>&1)" 'did you mean shop:order_done\?'

count() {
	"$PISTE" print --filter "$1" trace | wc -l | tr -d ' '
}
check_is "filter: number" "$(count 'total > 0')" "$(awk '/order_done/ && /total = [1-9]/' all | wc -l | tr -d ' ')"
check_is "filter: unsigned" "$(count 'big > 18446744073709551605')" 10
check_is "filter: string" "$(count 'path == "/index*" && has(big)')" 34
check_is "filter: element and length" "$(count 'len(items) == 3 && items[2] == -2147483648')" 25
check_is "filter: contexts" "$(count '$event == "child" && $procname == "prog*" && $pid == $tid')" 1
check_is "filter: level" "$(count '$level > "info"')" 100
check_is "filter: nothing" "$(count 'i == 1000')" 0
"$PISTE" print --filter 'i > 3 && totl > 10' trace >out 2>err
check_is "filter: a name that no event has" "$? $(cat out)" "1 "
check_is "… with a caret" "$(cat err)" "filter:1:10: error: no event has a field totl
       did you mean total?
  i > 3 && totl > 10
           ^"
check_status "filter: syntax" 2 "$PISTE" print --filter 'i > ' trace
check_status "filter: types" 1 "$PISTE" print --filter 'path > 3' trace

"$PISTE" print --json trace >json
check_is "json: a line each" "$(grep -c '^{"timestamp_ns":[0-9]*,"event":"shop:[a-z_]*",.*}$' json)" "$(wc -l <all | tr -d ' ')"
check_match "json: native types" "$(cat json)" \
	'"fields":\{"i":2,"total":-59259.254400000005,"path":"/cart/\\"7\\"\\n","big":18446744073709551613\}\}$'
check_match "json: nan is null" "$(cat json)" '"fields":\{"i":0,"total":null,'
if command -v python3 >/dev/null; then
	check "json: every line is JSON" python3 -c 'import json; [json.loads(l) for l in open("json")]'
else
	skip "json: every line is JSON" "no python3"
fi

# Times through anchors are near the fitted ones, and never go back.
check "anchors keep the order" sh -c "'$PISTE' print --clock-seconds --no-delta trace | sort -c -t' ' -k1,1"

# --- how it ends ------------------------------------------------------------------

check "-w" "$PISTE" print -w out trace
check "… has the same" cmp out all
check "-w" "$PISTE" print -w out trace
check_is "to a reader that goes" "$( (
	"$PISTE" print trace trace
	echo "$?" >status
) | head -1 | wc -l | tr -d ' ') $(cat status)" "1 0"
check_status "to a full device" 1 sh -c "'$PISTE' print trace >/dev/full"
check_status "no trace named" 2 "$PISTE" print
check_status "an unknown option" 2 "$PISTE" print --nothing trace
check_status "an unknown name" 2 "$PISTE" print --names all,payloads trace
check_status "a path that is not there" 1 "$PISTE" print nowhere
mkdir empty
check_match "a directory without a trace" "$("$PISTE" print empty 2>&1)" 'empty: error: not a trace: there is no CTF file .metadata. in it'
check_match "a file" "$("$PISTE" print program 2>&1)" 'program: error: not a trace'
mkdir -p deep/er && cp -r trace deep/er/one
check "a trace below" sh -c "'$PISTE' print deep | cmp - all"
check "its metadata" sh -c "'$PISTE' print trace/metadata | cmp - all"
check_is "two at once" "$("$PISTE" print trace deep | wc -l | tr -d ' ')" "$((2 * $(wc -l <all)))"

cp -r trace cut
stream=$(ls -S cut/stream-* | head -1)
size=$(wc -c <"$stream")
head -c $((size / 2)) "$stream" >half && cp half "$stream"
"$PISTE" print cut >out 2>err
check_is "a stream that was cut: status" $? 1
check_match "… says where" "$(cat err)" "$(basename "$stream") at byte [0-9]+: error: packet [0-9]+"
check "… and what can be read is there" test "$(wc -l <out)" -gt $(($(wc -l <all) / 4))
head -n 5 out >is
head -n 5 all >wanted
check "… the same lines" cmp is wanted

# --- traces of LTTng ---------------------------------------------------------------

lttng_trace() {
	LTTNG_HOME=$WORK/lttng
	export LTTNG_HOME
	mkdir -p "$LTTNG_HOME"
	cat >lttng.c <<-'END'
		#include <lttng/tracef.h>
		int main(void)
		{
			for (int i = 0; i < 1000; i++)
				lttng_ust_tracef("number %d \"and\" a %s\t", i, i % 2 ? "word" : "?");
			return 0;
		}
	END
	cc -o lttng-program lttng.c -llttng-ust >/dev/null 2>&1 || return 1
	lttng-sessiond --daemonize --no-kernel --pidfile="$WORK/sessiond.pid" >/dev/null 2>&1 || return 1
	{
		lttng create s --output="$WORK/lttng-trace" && lttng enable-event -u -a &&
			lttng add-context -u -t procname -t vtid -t perf:thread:task-clock
		lttng start && ./lttng-program && lttng stop && lttng destroy
	} >/dev/null 2>&1
	kill "$(cat "$WORK/sessiond.pid")"
	[ -f "$(find "$WORK/lttng-trace" -name metadata | head -1)" ]
}
if command -v lttng-sessiond >/dev/null && lttng_trace; then
	same_all "a trace of LTTng" lttng-trace
	check_is "filter: its contexts" \
		"$("$PISTE" print --filter '$tid > 0 && msg == "number 5 *"' lttng-trace | wc -l | tr -d ' ')" 1
else
	skip "a trace of LTTng" "no lttng-sessiond, or no liblttng-ust"
fi

# --- traces that others collected -----------------------------------------------------

corpus=${PISTE_CORPORA:-$ROOT/../shared/corpora}/ctf-1.8/babeltrace/traces/succeed
if [ -d "$corpus" ]; then
	for trace in "$corpus"/*; do
		babeltrace2 "$trace" >bt.out 2>/dev/null || continue # it aborts on one of them
		[ -s bt.out ] || continue
		if grep -q '( "_' bt.out; then
			skip "same: $(basename "$trace")" "enum labels lose their escaping underscore"
			continue
		fi
		same "$(basename "$trace")" "$trace"
	done
else
	skip "collected traces" "no corpus at $corpus"
fi
end
