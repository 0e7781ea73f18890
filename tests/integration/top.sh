#!/bin/sh
# piste top: exact against a program that knows its calls, and against strace -c; leaves nothing behind.
. "$(dirname "$0")/../tap.sh"
need cc jq

check_match "help says how to read it" "$("$PISTE" top --help)" 'Every call counts'
check_status "an unknown group" 2 "$PISTE" top --by moon
check_match "… and the nearest" "$("$PISTE" top --by proces 2>&1)" 'did you mean process'
check_status "an unknown column" 2 "$PISTE" top --sort size
check_status "an operand" 2 "$PISTE" top sshd
check_status "two scopes" 2 "$PISTE" top -p 1 --cgroup /
check_status "too short an interval" 2 "$PISTE" top --interval 1us

if [ "$(id -u)" != 0 ]; then
	check_status "without rights" 1 "$PISTE" top --once
	check_is "one line, and what to do" "$("$PISTE" top --once 2>&1 | wc -l)" 2
	skip "counting" "needs root"
	end
fi
if command -v setpriv >/dev/null; then
	said=$(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$PISTE" top --once 2>&1)
	check_is "without rights: status" $? 1
	check_match "without rights: what is missing" "$said" 'piste top needs CAP_BPF and CAP_PERFMON'
	check_match "without rights: how to get it" "$said" 'setcap|root'
else
	skip "without rights" "no setpriv"
fi
check_status "a process that is not" 1 "$PISTE" top -p 4194303 --once
check_status "a cgroup that is not" 1 "$PISTE" top --cgroup /no/such/group --once

cc -O1 -o calls "$ROOT/tests/integration/top-calls.c" -lpthread || exit 1
wait_for() { # FILE TEXT
	for _ in $(seq 200); do
		grep -q "$2" "$1" 2>/dev/null && return
		sleep 0.05
	done
}
programs() { bpftool prog 2>/dev/null | grep -c piste_top; }
before=$(programs)

# run OPTION...: counts the program's calls until it ends; the object in json
run() {
	./calls 20000 >said &
	pid=$!
	wait_for said ready
	"$PISTE" top --json -p $pid "$@" >json 2>err &
	top=$!
	for _ in $(seq 200); do
		[ "$(programs)" -gt "$before" ] && break
		sleep 0.05
	done
	sleep 0.5
	kill -USR1 $pid
	wait_for said 'done'
	sleep 0.2
	kill -INT $top
	wait $top
	status=$?
	kill -USR1 $pid
	wait $pid
}
count() { # NAME FIELD, over all intervals
	jq -s --arg name "$1" --arg field "$2" '[.[].rows[] | select(.name == $name) | .[$field]] | add' json
}
if ! command -v bpftool >/dev/null; then
	programs() { echo 0; }
	before=-1
fi
for how in '' --no-latency '--interval 50ms'; do
	# shellcheck disable=SC2086 # options
	run --interval 60s $how
	check_is "${how:-one interval}: interrupted, it ends well" "$status $(cat err)" "0 "
	check_is "${how:-one interval}: calls" "$(count getppid calls) $(count close calls) $(count wait4 calls)" "80000 20000 50"
	check_is "${how:-one interval}: failed ones" "$(count getppid errors) $(count close errors)" "0 20000"
	# a child's return from its parent's fork is no call of its own, nor are its calls the parent's
	check_is "${how:-one interval}: children's" "$(count clone calls) $(count getuid calls)" "50 null"
	check_is "${how:-one interval}: none missed" "$(jq -s '[.[].missed] | add' json)" 0
done
check_is "latencies are ordered" "$(jq -s '[.[].rows[] | select(.calls > 0 and .unmeasured < .calls and (.p50_ns > .p99_ns or .p99_ns > .max_ns or .total_ns < .max_ns))] | length' json)" 0
check_is "none unmeasured but the one it was in" "$(jq -s '[.[].unmeasured] | add <= 1' json)" true
check_is "threads that are inside one" "$(jq -s -c '[.[-1].rows[] | select(.now > 0) | [.name, .now]]' json)" '[["rt_sigtimedwait",1]]'
check_is "time adds up" "$(jq -s 'all(.[]; .total_ns == ([.rows[].total_ns] | add // 0))' json)" true

# By process, with children that live for a moment; by command they are one.
./calls 100 >said &
pid=$!
wait_for said ready
"$PISTE" top --json --interval 60s --by process >processes &
top1=$!
"$PISTE" top --json --interval 60s --by command >commands &
top2=$!
sleep 1.5
kill -USR1 $pid
wait_for said 'done'
sleep 0.2
kill -INT $top1 $top2
wait $top1 $top2
kill -USR1 $pid
wait $pid
check_is "by process: each child has its calls" "$(jq -c '[.rows[] | select(.name == "calls") | select(.calls >= 20 and .calls < 40)] | length' processes)" 50
check_match "by command" "$(jq '[.rows[] | select(.name == "calls") | .calls] | add - 1500 | . >= 0 and . < 1500' commands)" true

if command -v strace >/dev/null; then
	# shellcheck disable=SC2016 # the shell within
	sh -c 'echo $$ >pid; kill -STOP $$; for i in 1 2 3 4 5 6 7 8 9 10; do cd /; cd /tmp; : </dev/null; done; exec true' &
	pid=$!
	sleep 0.3
	"$PISTE" top --json --interval 60s -p $pid >json &
	top=$!
	sleep 1
	strace -c -U name,calls,errors -o traced -p $pid &
	strace=$!
	sleep 0.5
	kill -CONT $pid
	wait $pid $strace
	kill -INT $top
	wait $top
	jq -r '.rows[] | "\(.name) \(.calls) \(.errors)"' json | sort >is
	awk 'NR > 2 && $1 !~ /^-/ && $1 != "total" { print $1, $2, $3 + 0 }' traced | sort >wanted
	check "as strace -c counts" diff wanted is
else
	skip "as strace -c counts" "strace is not installed"
fi

# A cgroup of our own.
root=/sys/fs/cgroup
[ -d $root/unified ] && root=$root/unified
if mkdir "$root/piste-top-$$" 2>/dev/null; then
	# shellcheck disable=SC2016 # the shell within
	sh -c 'echo $$ >'"$root/piste-top-$$"'/cgroup.procs; exec ./calls 1000' >said &
	pid=$!
	wait_for said ready
	"$PISTE" top --json --interval 60s --cgroup "/piste-top-$$" >json 2>err &
	top=$!
	"$PISTE" top --json --interval 60s --by cgroup >by 2>err &
	top2=$!
	sleep 1
	kill -USR1 $pid
	wait_for said 'done'
	sleep 0.2
	kill -INT $top $top2
	wait $top $top2
	kill -USR1 $pid
	wait $pid
	check_is "--cgroup: its processes, and no other" "$(count getppid calls) $(count getuid calls)" "4000 1000"
	check_is "--by cgroup" "$(jq --arg name "/piste-top-$$" '[.rows[] | select(.name == $name) | .calls] | add > 6000' by)" true
	rmdir "$root/piste-top-$$"
else
	skip "--cgroup" "no cgroup can be made"
fi

# Nothing stays.
if command -v bpftool >/dev/null; then
	"$PISTE" top --interval 60s --json >killed &
	top=$!
	sleep 1
	check "it is there" test "$(programs)" -gt "$before"
	kill -KILL $top
	wait $top 2>/dev/null
	for _ in $(seq 100); do
		[ "$(programs)" = "$before" ] && break
		sleep 0.05
	done
	check_is "killed, it leaves no program" "$(programs)" "$before"
else
	skip "killed, it leaves no program" "bpftool is not installed"
fi

# The screen, where a terminal can be had.
if command -v tmux >/dev/null; then
	tmux="tmux -L piste-test-$$ -f /dev/null"
	$tmux new-session -d -x 100 -y 24 "sh -c 'echo begun; stty -g >tty-before; env LC_ALL=C.UTF-8 TERM=xterm \"$PISTE\" top; echo status \$?; stty -g >tty-after; sleep 60'"
	screen() { $tmux capture-pane -p; }
	wait_screen() {
		for _ in $(seq 50); do
			screen >seen
			grep -q -e "$1" seen && return
			sleep 0.1
		done
	}
	wait_screen 'calls/s'
	check_match "title" "$(cat seen)" '^ piste top  system calls by call  all processes +every 1.00 s$'
	check_match "headings" "$(cat seen)" '^ CALL +CALLS/s▾ SHARE +ERR/s +P50 +P99 +MAX +TIME/s +NOW$'
	check_match "keys" "$(cat seen)" '^ h help  q quit  c call'
	$tmux send-keys p
	wait_screen '^ PROCESS'
	check_match "p: by process" "$(cat seen)" '^ piste top  system calls by process'
	# the others are this test's own, and soon gone
	$tmux send-keys / s e r v e r Enter
	wait_screen 'filter: server'
	for _ in 1 2 3; do
		$tmux send-keys Down
		sleep 0.3
		$tmux send-keys Enter
		wait_screen 'of process [0-9]'
		grep -q 'of process [0-9]' seen && break
	done
	check_match "Enter: the calls of one" "$(cat seen)" 'system calls by call  of process [0-9]+'
	$tmux send-keys BSpace / Escape
	sleep 0.5
	$tmux send-keys / z z z Enter
	wait_screen 'filter: zzz'
	check_match "/: a filter" "$(cat seen)" 'filter: zzz +\([0-9]+ hidden\)'
	$tmux send-keys Escape
	sleep 0.3
	$tmux send-keys h
	wait_screen 'slowest one'
	check_match "h: help" "$(cat seen)" 'MAX +the slowest one'
	$tmux send-keys h
	$tmux resize-window -x 50 -y 10
	sleep 0.5
	check_is "a small screen: no line is too long" "$(screen | LC_ALL=C.UTF-8 wc -L | awk '{ print ($1 <= 50) }')" 1
	$tmux send-keys q
	wait_screen '^status'
	check_is "q: the screen is as it was" "$(grep -v '^$' seen)" "begun
status 0"
	check "… and the terminal's settings" cmp tty-before tty-after
	$tmux kill-server
else
	skip "the screen" "tmux is not installed"
fi
end
