# shellcheck shell=sh
# tap.sh - integration tests that answer in TAP. A test is an executable
# tests/integration/NAME.sh that begins and ends like this:
#
#	#!/bin/sh
#	. "$(dirname "$0")/../tap.sh"
#	need babeltrace2                           # else the whole file is a skip
#	check "version" "$PISTE" --version         # passes when the command does
#	check_is "sum" "$(echo $((1 + 1)))" 2      # shows both when they differ
#	skip "perf" "perf is not installed"
#	end
#
# It runs in an empty directory of its own, $WORK, which is removed. $PISTE is
# the command, $PISTE_BUILD the build directory, $ROOT the project. A file with
# a line `# no-asan` is run with the plain build only.
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PISTE_BUILD=${PISTE_BUILD:-$ROOT/build}
PISTE=$PISTE_BUILD/piste
WORK=$(mktemp -d "${TMPDIR:-/tmp}/piste-test-XXXXXX") || exit 2
trap 'cd / && rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM
cd "$WORK" || exit 2
export ROOT PISTE_BUILD PISTE WORK
tap_n=0

pass() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

# fail NAME [WHAT WAS SEEN]
fail() {
	tap_n=$((tap_n + 1))
	[ "${2:-}" ] && printf '%s\n' "$2" | tail -40 | sed 's/^/# /'
	echo "not ok $tap_n - $1"
}

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

check() {
	tap_name=$1
	shift
	if tap_said=$("$@" 2>&1); then
		pass "$tap_name"
	else
		fail "$tap_name" "status $? of: $*
$tap_said"
	fi
}

# check_status NAME STATUS COMMAND...
check_status() {
	tap_name=$1 tap_wanted=$2
	shift 2
	tap_said=$("$@" 2>&1)
	tap_status=$?
	if [ "$tap_status" = "$tap_wanted" ]; then
		pass "$tap_name"
	else
		fail "$tap_name" "status $tap_status, wanted $tap_wanted, of: $*
$tap_said"
	fi
}

# check_is NAME IS WANTED
check_is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "is:
$2
wanted:
$3"
	fi
}

# check_match NAME TEXT REGEX: extended, some line of the text
check_match() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		pass "$1"
	else
		fail "$1" "no line matches $3 in:
$2"
	fi
}

# need PROGRAM...: without one of them the file is one skip
need() {
	for tap_program; do
		command -v "$tap_program" >/dev/null 2>&1 && continue
		echo "1..0 # SKIP $tap_program is not installed"
		exit 0
	done
}

end() {
	echo "1..$tap_n"
	exit 0
}
