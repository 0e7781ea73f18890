#!/bin/sh
# piste doctor: as root, as nobody, where the kernel's types are hidden; it leaves
# nothing, and is quick.
. "$(dirname "$0")/../tap.sh"
need jq

# All that hangs in the kernel, by number.
kernel_objects() {
	command -v bpftool >/dev/null || return
	bpftool prog list 2>/dev/null | grep -c piste_doctor
	bpftool map list 2>/dev/null | grep -c piste_doctor
	bpftool link list 2>/dev/null | grep -c "pids piste"
}

works() {
	jq -r --arg name "$1" '.features[] | select(.name == $name) | .works' "${2:-all}"
}

mounts=$(grep -c ' tracefs ' /proc/self/mounts)
"$PISTE" doctor --json >all
check "--json is JSON with jobs and features" jq -e '(.jobs | length) >= 7 and (.features | length) >= 30' all
check "what works has no reason, what does not has one" jq -e '
	all(.features[]; if .works == false then .why != "" and .remedy != "" and .errno > 0
		elif .works then (has("why") or has("errno")) | not else .note != "" end)' all
check_is "memfd works" "$(works memfd)" true
check_is "the libraries are found" "$(works libpiste) $(works libpiste-wrap)" "true true"
check_is "they are those of this build" \
	"$(jq -r '.features[] | select(.name == "libpiste-wrap").note' all)" "$(realpath "$PISTE_BUILD/libpiste-wrap.so")"

# Verdicts against what other programs find.
if [ "$(id -u)" = 0 ]; then
	if command -v bpftrace >/dev/null; then
		if bpftrace -e 'BEGIN { exit() } kprobe:bpf_fentry_test1 { }' >/dev/null 2>&1; then kprobes=true; else kprobes=false; fi
		check_is "kprobe: as bpftrace finds it" "$(works kprobe)" $kprobes
	else
		skip "kprobe: as bpftrace finds it" "bpftrace is not installed"
	fi
	if [ -r /sys/kernel/btf/vmlinux ]; then btf=true; else btf=false; fi
	check_is "BTF: as the file is there" "$(works btf)" $btf
	if [ -e /sys/bus/event_source/devices/cpu ]; then pmu=true; else pmu=false; fi
	check_is "PMU: as the kernel lists one" "$(works perf-pmu)" $pmu
	if command -v perf >/dev/null; then
		if perf stat -e cpu-clock true >/dev/null 2>&1; then clock=true; else clock=false; fi
		check_is "perf-clock: as perf finds it" "$(works perf-clock)" $clock
	else
		skip "perf-clock: as perf finds it" "perf is not installed"
	fi
fi

# The text says the same.
"$PISTE" doctor >text
status=$?
check_is "exit status: the main jobs" $status \
	"$(jq 'if all(.jobs[] | select(.main); .works) then 0 else 1 end' all)"
jq -r '.features[] | select(has("works")) | "\(.name) \(.works)"' all | sort >json.list
sed -n 's/^  \(ok\|no\|--\)  \([^ ]*\) .*/\2 \1/p' text | sed 's/ ok$/ true/; s/ no$/ false/; s/ --$/ false/' |
	sort >text.list
check "text and JSON agree" diff json.list text.list

# By name.
check_status "a feature that works" 0 "$PISTE" doctor memfd
check_status "a job that works" 0 "$PISTE" doctor programs
check_match "a job tells its features" "$("$PISTE" doctor programs)" '^  ok  memfd '
check_is "… and no other job's" "$("$PISTE" doctor programs | grep -c '^  .. *tp-btf')" 0
broken=$(jq -r '[.features[] | select(.works == false).name][0] // empty' all)
if [ "$broken" ]; then
	check_status "a feature that does not" 1 "$PISTE" doctor memfd "$broken"
else
	skip "a feature that does not" "everything works here"
fi
check_status "a name that is none" 2 "$PISTE" doctor kernl
check_match "… and the nearest" "$("$PISTE" doctor kernl 2>&1)" 'did you mean kernel\?'
check_status "an option that is none" 2 "$PISTE" doctor --all

# Nothing is left.
if [ "$(id -u)" = 0 ] && command -v bpftool >/dev/null; then
	check_is "no program, map or link is left" "$(kernel_objects | xargs)" "0 0 0"
else
	skip "no program, map or link is left" "needs root and bpftool"
fi
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	check_is "no instance of tracefs is left" \
		"$(unshare -m sh -c 'mount -t tracefs none /mnt 2>/dev/null && ls /mnt/instances | grep -c piste-doctor')" 0
else
	skip "no instance of tracefs is left" "needs root"
fi
check_is "tracefs is mounted as before" "$(grep -c ' tracefs ' /proc/self/mounts)" "$mounts"

# Who has no rights reads which, and how to get them.
chmod 755 "$WORK"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all"
	# shellcheck disable=SC2086 # a list
	$nobody "$PISTE" doctor --json >nobody 2>said
	check_is "nobody: exit status" $? 1
	check_is "nobody: programs are recorded" "$(jq -r '.jobs[] | select(.name == "programs").works' nobody)" true
	check_is "nobody: the kernel is not" "$(jq -r '.jobs[] | select(.name == "kernel").works' nobody)" false
	check_is "nobody: why" "$(jq -r '.features[] | select(.name == "tp-btf").why' nobody)" \
		"needs CAP_BPF and CAP_PERFMON"
	# shellcheck disable=SC2016 # so it is printed
	check_is "nobody: what to do" "$(jq -r '.features[] | select(.name == "tp-btf").remedy' nobody)" \
		'run as root, or: sudo setcap cap_bpf,cap_perfmon+ep $(command -v piste)'
	# shellcheck disable=SC2086
	check_status "nobody: programs by name" 0 $nobody "$PISTE" doctor programs
	# shellcheck disable=SC2086
	check_status "nobody: kernel by name" 1 $nobody "$PISTE" doctor kernel

	# the remedy cures
	if command -v setcap >/dev/null && [ "$(works tp-btf)" = true ] && cp "$PISTE" capable 2>/dev/null &&
		setcap cap_bpf,cap_perfmon+ep capable 2>/dev/null; then
		check_status "nobody, after setcap: kernel works" 0 \
			setpriv --reuid=65534 --regid=65534 --clear-groups ./capable doctor kernel top
	else
		skip "nobody, after setcap: kernel works" "needs setcap, and BPF that works"
	fi
else
	skip "nobody" "needs root and setpriv"
fi

# A kernel without BTF is named so.
if [ "$(works tp-btf)" = true ] && unshare -m true 2>/dev/null; then
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$PISTE" doctor --json' >hidden
	check_is "without BTF: exit status" $? 1
	check_match "without BTF: why" "$(jq -r '.features[] | select(.name == "btf").why' hidden)" '/sys/kernel/btf/vmlinux'
	check_match "without BTF: what to do" "$(jq -r '.features[] | select(.name == "btf").remedy' hidden)" 'CONFIG_DEBUG_INFO_BTF'
	check_is "without BTF: raw tracepoints work" "$(works raw-tp hidden)" true
	check_is "without BTF: typed ones do not" "$(works tp-btf hidden)" false
else
	skip "without BTF" "needs root and BPF"
fi

# Root of a user namespace is nobody to BPF.
if unshare -Ur true 2>/dev/null; then
	unshare -Ur "$PISTE" doctor --json >contained
	check_match "in a user namespace: capabilities count for nothing" \
		"$(jq -r '.features[] | select(.name == "tp-btf").remedy' contained)" 'outside'
else
	skip "in a user namespace" "user namespaces are refused"
fi

# It is quick: 220 ms on a machine of its own; tests share theirs.
took=$(for _ in 1 2 3; do "$PISTE" doctor --json | jq '.took_ns / 1000000 | floor'; done | sort -n | head -1)
limit=600
case $PISTE_BUILD in *asan*) limit=1500 ;; esac
if [ "$took" -le $limit ]; then
	pass "within $limit ms"
else
	fail "within $limit ms" "$took ms"
fi
end
