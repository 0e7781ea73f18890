# shellcheck shell=sh
# probe.sh - what tests of libpiste share; sourced behind tap.sh. Builds the
# judge (tests/pool-dump.c) and programs against the build's libpiste.
CC=${CC:-gcc}
CXX=${CXX:-g++}
need "$CC"
FLAGS="-std=gnu17 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wno-clobbered -Werror -I$ROOT/include"
LINK="-L$PISTE_BUILD -lpiste -lpthread -ldl -Wl,-rpath,$PISTE_BUILD"

# build NAME [FLAG...]: tests/integration/NAME.c to ./NAME
build() {
	source=$1
	shift
	# shellcheck disable=SC2086 # lists
	$CC $FLAGS "$ROOT/tests/integration/$source.c" -o "$source" "$@" $LINK
}

# plugin NAME: ./NAME.so, whose event is plugin:NAME
plugin() {
	# shellcheck disable=SC2086 # lists
	$CC $FLAGS -shared -fPIC -DPLUGIN="$1" "$ROOT/tests/integration/probe-plugin.c" -o "$1.so" $LINK
}

# shellcheck disable=SC2086 # a list
$CC $FLAGS "$ROOT/tests/pool-dump.c" -o pool-dump || exit 1

# said WHAT: the sum of lines "WHAT N" of the last judged run
said() {
	awk -v what="$1" '$1 == what { n += $2 } END { printf "%d", n }' out
}

# judge NAME "POOL-DUMP OPTIONS" COMMAND...: passes when the judge has nothing to say, the
# command ended well, and what it emitted is what was recorded or counted as lost
judge() {
	judge_name=$1 judge_options=$2
	shift 2
	# shellcheck disable=SC2086 # a list
	timeout 120 ./pool-dump -q $judge_options "$@" >out 2>err
	judge_status=$?
	got=$(($(said total) + $(said lost)))
	least=$(($(said emitted) + $(said least)))
	most=$(($(said emitted) + $(said most)))
	if [ $judge_status = 0 ] && grep -q '^status 0$' out && [ $got -ge $least ] && [ $got -le $most ]; then
		pass "$judge_name"
	else
		fail "$judge_name" "judge $judge_status, $least to $most emitted, $got arrived or lost
$(head -40 err out)"
	fi
}
