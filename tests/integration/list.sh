#!/bin/sh
# piste list: the same sites from every way to build a program, offline and alive.
. "$(dirname "$0")/../tap.sh"

src=$ROOT/tests/integration/list-sites.c
include=-I$ROOT/include
cp "$src" sites.c

# The columns without what differs: title, alignment, the state in a process, the line.
sites() {
	"$PISTE" list "$@" | sed '1d; s/  off  */  /; s/   */  /g; s/:[0-9]*$//'
}

cat >wanted <<'END'
  names:all {total: int32, square: int32, arg3: int64, sum: float64, items: int32, ok: int32, strlen: uint64, arg8: int32, arg9: string, buf: string}  info  sites.c
  none:nothing {}  info  sites.c
  shapes:named {paint: color, shape: shape, pt: point[]}  info  sites.c
  shapes:plain {items: int32[], items_2: int32[3], buf: bytes, total: float64?}  info  sites.c
  shop:cache_miss {argv: pointer}  debug  sites.c
  shop:cart {id: int64}  info  sites.c
  shop:checkout_begin {id: int64}  info  sites.c
  shop:checkout_end {}  info  sites.c
  shop:inlined {x: int32}  info  sites.c
  shop:log {argc: int32, argv: string} "retry %d of %s\n"  warning  sites.c
  shop:order_done {id: int64, total: float64, path: string}  info  sites.c
  shop:wrapped {argc: int32, items: int32[], who: color}  info  sites.c
END

# form NAME COMPILER...
form() {
	name=$1
	shift
	if ! command -v "$1" >/dev/null; then
		skip "$name" "$1 is not installed"
	elif said=$("$@" -w "$include" -o program 2>&1); then
		check_is "$name" "$(sites --file program)" "$(cat wanted)"
	else
		fail "$name: does not compile" "$said"
	fi
}

for cc in gcc clang; do
	for o in -O0 -O2 -O3; do
		form "$cc $o" $cc $o sites.c
	done
	form "$cc, no PIE" $cc -O2 -fno-pie -no-pie sites.c
	form "$cc, shared object" $cc -O2 -fpic -shared sites.c
	form "$cc, static" $cc -O2 -static sites.c
	form "$cc, LTO" $cc -O2 -flto sites.c
	form "$cc, sections collected" $cc -O2 -ffunction-sections -fdata-sections \
		-Wl,--gc-sections sites.c
	form "$cc, stripped" $cc -O2 -s sites.c
	form "$cc, object file" $cc -O2 -c sites.c
done
form "musl, static" musl-gcc -O2 -static sites.c
form "aarch64, object file" aarch64-linux-gnu-gcc -O2 -c sites.c

gcc -w "$include" sites.c -o program || fail "a program without libpiste"
check_match "--long tells types" "$("$PISTE" list -l -f program shapes:named)" \
	'enum color: uint32 \{RED = 0, GREEN = 7, "light, blue" = 12, shade = 20…29\}'
check_match "--long tells attributes" "$("$PISTE" list -l -f program order_done)" 'path: string, unit = ms'
check_match "the line is told" "$("$PISTE" list -f program order_done)" \
	"sites.c:$(grep -n 'shop, order_done' sites.c | cut -d: -f1)\$"
check_is "globs choose" "$(sites -f program 'shop:c*' '!*_end' | awk '{ print $1 }' | xargs)" \
	"shop:cache_miss shop:cart shop:checkout_begin"
if command -v jq >/dev/null; then
	check_is "--json" "$("$PISTE" list --json -f program | jq -r '.groups[0].sites[] | select(.kind == "log").format')" \
		"$(printf 'retry %%d of %%s\n')"
else
	skip "--json" "jq is not installed"
fi
check_status "a name that is not there fails" 1 "$PISTE" list -f program ordr_done
check_match "… and the nearest is told" "$("$PISTE" list -f program ordr_done 2>&1)" 'did you mean order_done\?'
check_status "a file without sites fails" 1 "$PISTE" list -f /bin/true
check_match "… and says how to get some" "$("$PISTE" list -f /bin/true 2>&1)" 'PISTE\('
check_match "no ELF file" "$("$PISTE" list -f sites.c 2>&1)" 'sites.c: error: is not an ELF file'
check_match "no file" "$("$PISTE" list -f nowhere 2>&1)" 'nowhere: error: .*No such file'
gcc -flto -w "$include" -c sites.c -o lto.o
check_match "an object for LTO" "$("$PISTE" list -f lto.o 2>&1)" 'list the linked program'
check_status "no process" 1 "$PISTE" list -p 4194304
check_status "no number" 2 "$PISTE" list -p x
check_match "a process without libpiste" "$("$PISTE" list -p $$ 2>&1)" 'nothing to trace'

# The descriptor of a pool, /proc/PID/fd/N.
pool_of() {
	for link in /proc/"$1"/fd/*; do
		[ "$(readlink "$link")" = "/memfd:piste (deleted)" ] && echo "$link" && return
	done
	return 1
}

# alive NAME COMPILER...: listed from the memory of a process
alive() {
	name=$1
	shift
	if ! command -v "$1" >/dev/null; then
		skip "$name" "$1 is not installed"
		return
	elif ! said=$("$@" -w "$include" -o living 2>&1); then
		fail "$name: does not compile" "$said"
		return
	fi
	LD_LIBRARY_PATH=$PISTE_BUILD ./living wait &
	pid=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pool_of $pid >/dev/null && break
		sleep 0.1
	done
	check_is "$name" "$(sites -p $pid)" "$(cat wanted)"
}

alive "alive, shared libpiste" gcc -O2 sites.c -L"$PISTE_BUILD" -lpiste
check_match "found without a pid" "$("$PISTE" list checkout_end)" "^process $pid \\(living\\)"
# whatever stands in the memory of a process: no crash, no hang
pool=$(pool_of $pid)
for seed in 1 2 3 4 5 6 7 8; do
	awk -v seed=$seed 'BEGIN { srand(seed); for (i = 0; i < 40; i++) print int(rand() * 60000), int(rand() * 256) }' |
		while read -r at byte; do
			printf "\\$(printf %03o "$byte")" |
				dd of="$pool" bs=1 seek="$at" conv=notrunc status=none
		done
	timeout 10 "$PISTE" list -l -p "$pid" >/dev/null 2>said
	status=$?
	[ $status -le 1 ] || break
done
if [ $status -le 1 ]; then
	pass "alive, memory scribbled over"
else
	fail "alive, memory scribbled over: status $status" "$(cat said)"
fi
kill $pid
alive "alive, static" gcc -O2 -static sites.c "$PISTE_BUILD/libpiste.a"
kill $pid
alive "alive, static with musl" musl-gcc -O2 -static sites.c "$PISTE_BUILD/libpiste.a"
kill $pid
end
