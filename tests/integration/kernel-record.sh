#!/bin/sh
# The kernel's events in a trace beside those of user space: what names and filters mean, what
# babeltrace2 reads, what is said without rights.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/record.sh"
. "$ROOT/tests/kernel.sh"

# same FILE FILE: line by line; for an empty text babeltrace2 2.0 shows what stood there before, so
# that texts of such lines are not compared
same() {
	[ "$(wc -l <"$1")" = "$(wc -l <"$2")" ] || return 1
	awk -v other="$2" '
		{ getline b <other }
		$0 != b {
			a = $0
			# babeltrace2 names combined flags from 2.1 on
			if (b ~ /<unknown>/)
				gsub(/\( "[^"]*"( \| ("[^"]*"|0x[0-9A-F]+))+ :/, "( <unknown> :", a)
			if (a ~ /""/) {
				gsub(/"[^"]*"/, "", a)
				gsub(/"[^"]*"/, "", b)
			}
			if (a != b) {
				print a "\n" b
				bad = 1
			}
		}
		END { exit bad }' "$1"
}

# agree NAME: piste print and babeltrace2, line by line
agree() {
	"$PISTE" print --raw --no-anchors --statedump trace >trace.piste 2>trace.said
	check "$1: piste print and babeltrace2 agree" same trace.piste trace.txt
	check_is "$1: babeltrace2 has nothing to warn of" "$(cat trace.warnings)" ""
}

record "without -e" -- ./kernel-work brackets 100
agree "without -e"
check_is "user space is in it" "$(count 'bracket:before:')" 100
check "and the kernel" test "$(count 'sched:sched_process_exec:')" -eq 1
check "and the state that it was found in" test "$(count ' state:task: ')" -ge 1
check_is "the summary counts all" "$(told events)" "$(grep -cv ' \(piste\|state\):' trace.txt)"
check_is "and the kernel's" "$(told kernel_events)" "$(grep -cv ' \(piste\|state\|bracket\):' trace.txt)"
"$PISTE" stat --json trace >stat.json
check_match "stat knows them" "$(cat stat.json)" "\"kernel_events\":$(told kernel_events),\"kernel_lost_events\":0"
check_match "stat names the process" "$("$PISTE" stat trace)" '^ *[0-9]+  kernel-work'
check_is "print hides the state" "$("$PISTE" print trace | grep -c ' state:')" 0
check "print -e k: takes the kernel's" test "$("$PISTE" print -e 'k:sched:*' trace | wc -l)" -gt 0

record "both worlds" -e 'sched:sched_process_*' -e bracket:after -- ./kernel-work brackets 50
check_is "rules find their world" "$(count 'bracket:after:') $(count 'bracket:before:') $(count 'sched:sched_process_exec:')" "50 0 1"
check_is "and no other event" "$(grep -v ' \(piste\|state\|bracket\):' trace.txt | grep -cv 'sched:sched_process_')" 0
record "u:" -e 'u:*' -- ./kernel-work brackets 50
check_is "u: has nothing of the kernel" "$(told kernel_events) $(count 'bracket:')" "0 100"
record "--no-kernel" --no-kernel -- ./kernel-work brackets 50
check_is "--no-kernel" "$(told kernel_events) $(count 'bracket:')" "0 100"
record "exclusions" -e 'k:sched:sched_process_*' -e '!k:sched:sched_process_exit' -- ./kernel-work forks 2
check_is "'!' leaves out" "$(count 'sched:sched_process_exit:') $(count 'sched:sched_process_fork:')" "0 $(said fork)"

record "CTF 2" --ctf 2 -- ./kernel-work brackets 100
check_is "CTF 2: events" "$("$PISTE" print trace | grep -c 'sched:sched_process_exec:')" 1
check_is "CTF 2: all of them" "$("$PISTE" print trace | wc -l)" "$(told events)"

record "--lttng-names" --lttng-names -- ./kernel-work brackets 10
agree "--lttng-names"
check "--lttng-names: events" test "$(count ' sched_switch: .*prev_tid = .*next_tid = ')" -ge 1
check_match "--lttng-names: environment" "$(cat trace/metadata)" 'domain = "kernel"'
check_match "--lttng-names: environment" "$(cat trace/metadata)" 'tracer_name = "lttng-modules"'
check_is "--lttng-names: still one of ours" "$("$PISTE" print trace | wc -l)" "$(told events)"

record "--flight" --flight 1M -- ./kernel-work forks 3
check_is "--flight keeps the newest" "$(count 'sched:sched_process_exit:.*kernel-work')" "$(said exit)"
check "--flight keeps the state" test "$(count ' state:task: ')" -ge 1

# filters: in the kernel where it can, else here; never a word more or less
record "all execs" -e 'k:sched:sched_process_exec' -- ./kernel-work execs 20
all=$(count sched_process_exec)
for filter in 'filename == "./kernel-work"' 'filename == "./kern*" && pid > 0' '!(filename == "x")' 'old_pid != 0 || pid == 1' \
	'filename == "*work"' 'pid > 0 && pid < 4194304'; do
	record "a filter" -e 'k:sched:sched_process_exec' --filter "$filter" -- ./kernel-work execs 20
	check_is "--filter '$filter'" "$(count sched_process_exec)" "$all"
done
for filter in 'filename == "./kernel-wor"' 'pid < 0' 'filename == "*works" && pid > 0'; do
	record "a filter" -e 'k:sched:sched_process_exec' --filter "$filter" -- ./kernel-work execs 20
	check_is "--filter '$filter'" "$(count sched_process_exec)" 0
done

# mistakes
mistake() {
	mistake_said=$("$PISTE" record --force -o mistaken "$@" -- true 2>&1)
	mistake_status=$?
	check_match "$mistake" "$mistake_status: $mistake_said" "$mistake_wanted"
}
mistake="a name that is none" mistake_wanted='did you mean sched:sched_switch'
mistake -e k:sched:sched_swich
mistake -e sched:sched_swich
mistake="a provider that is none" mistake_wanted='^1: .*no event of the kernel is named nonesuch:\*'
mistake -e 'k:nonesuch:*'
mistake="a field that is none" mistake_wanted='no event has a field next_pidd'
mistake -e 'k:sched:sched_switch' --filter 'next_pidd == 1'
mistake="and the nearest" mistake_wanted='did you mean next_pid'
mistake -e 'k:sched:sched_switch' --filter 'next_pidd == 1'
mistake="a rate that is none" mistake_wanted='^2: '
mistake --max-rate 0
mistake="-a and --no-kernel" mistake_wanted='^2: '
mistake --no-kernel --max-rate 10
check_is "nothing is left of it" "$(ls -d mistaken 2>/dev/null)" ""

# without rights
if command -v setpriv >/dev/null && chmod 777 "$WORK" && mkdir -m 777 user; then
	nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	cd user || exit 2
	$nobody "$PISTE" record -o trace -- ../kernel-work brackets 50 >out 2>err
	check_is "without rights: user space" "$? $(babeltrace2 trace 2>/dev/null | grep -c bracket:)" "0 100"
	check_match "without rights: one line says why and what to do" "$(grep -c . err) $(head -1 err)" 'CAP_BPF.*(setcap|root)'
	$nobody "$PISTE" record --quiet -o none -e 'k:sched:*' -- true >out 2>err
	check_is "without rights: the kernel's by name" "$? $(ls -d none 2>/dev/null)" "1 "
	$nobody "$PISTE" record --quiet -o none -a --duration 100ms >out 2>err
	check_is "without rights: -a" "$?" 1
	$nobody "$PISTE" record --no-kernel -o quiet -- ../kernel-work brackets 5 >out 2>err
	check_is "without rights: --no-kernel says nothing" "$(grep -c CAP_BPF err)" 0
	cd ..
else
	skip "without rights" "setpriv is not installed"
fi

end
