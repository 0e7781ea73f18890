# lttng - the peer: its daemon, started here and ended here, and its sessions.
# shellcheck shell=bash disable=SC2154,SC2086 # sourced by run.sh after harness.sh

lttng_pid=

# Its consumer runs where piste's recorder does. One that somebody else started is left alone.
lttng_begin() {
	[ "$lttng_pid" ] && return
	if ! command -v lttng-sessiond >/dev/null; then
		say "lttng-sessiond is missing: tools/setup bench"
		return 1
	fi
	if lttng --no-sessiond list >/dev/null 2>&1; then
		lttng_pid=foreign
		return
	fi
	taskset -c $RECORDER_CPU lttng-sessiond --daemonize --no-kernel \
		--pidfile="$WORK/lttng.pid" >"$WORK/lttng.log" 2>&1 {lock}>&- || return 1
	lttng_pid=$(cat "$WORK/lttng.pid")
}

lttng_end() {
	if [ "$lttng_pid" ] && [ "$lttng_pid" != foreign ]; then
		kill "$lttng_pid" 2>/dev/null || true
		while kill -0 "$lttng_pid" 2>/dev/null; do sleep 0.05; done
	fi
	lttng_pid=
}

lttng_start() { # SESSION DIR: the session that issue 2 names
	rm -rf "$2"
	lttng -n -q create "$1" --output="$2" >/dev/null
	lttng -n -q enable-channel -u -s "$1" --subbuf-size=4M --num-subbuf=8 ch >/dev/null
	lttng -n -q enable-event -u -s "$1" -c ch 'bench:*' >/dev/null
	lttng -n -q start "$1" >/dev/null
}

# Prints the number of events that it says it lost.
lttng_stop() { # SESSION
	lttng -n -q stop "$1" >/dev/null
	lttng -n list "$1" | awk '/Discarded events:/ { n += $3 } END { print n + 0 }'
	lttng -n -q destroy "$1" >/dev/null
}

# ns of processor time that LTTng's consumers have used so far
lttng_consumer_ns() {
	local pid n=0
	for pid in $(pgrep -f lttng-consumerd); do
		n=$((n + $(cat /proc/"$pid"/task/*/schedstat 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n }')))
	done
	echo "$n"
}
