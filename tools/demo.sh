#!/bin/sh
# Records programs and shows what came out: sqlite3 at real work, which
# nobody instrumented (allocations, waits for locks); examples/shop, which
# is (threads, spans, a log); and, with the rights for it, redis-server under
# load, with the kernel's events. babeltrace2 judges the traces, event for event.
#
# The first two need no root. Asks nothing. Leaves build/demo/, which the next run replaces.
set -eu
cd "$(dirname "$0")/.."

build=${BUILD:-build}
piste=$build/piste
demo=$build/demo
orders=200000

for tool in sqlite3 babeltrace2 redis-server; do
	command -v $tool >/dev/null || tools/setup demo
done
rm -rf "$demo"
mkdir -p "$demo"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

say() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# Line by line; for an empty text babeltrace2 2.0 shows what stood there before, so that texts of such
# lines are not compared.
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
			if (a != b)
				exit bad = 1
		}
		END { exit bad }' "$1"
}

# Whether babeltrace2 reads the same events at the same times with the same fields.
agree() {
	"$piste" print --raw --no-anchors --statedump "$1" >"$1.piste.txt"
	babeltrace2 "$1" >"$1.babeltrace2.txt"
	if cmp -s "$1.piste.txt" "$1.babeltrace2.txt" || same "$1.piste.txt" "$1.babeltrace2.txt"; then
		echo "  babeltrace2 agrees on all $(wc -l <"$1.babeltrace2.txt") lines"
	else
		echo "  babeltrace2 disagrees: diff $1.piste.txt $1.babeltrace2.txt" >&2
		exit 1
	fi
	rm -f "$1.piste.txt" "$1.babeltrace2.txt"
}

rows=1000000
cat >"$demo/work.sql" <<SQL
CREATE TABLE sale (id INTEGER PRIMARY KEY, customer INTEGER, cents INTEGER, note TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
INSERT INTO sale SELECT i, i * 7919 % 10007, i * 104729 % 99991, 'note ' || i FROM n;
CREATE INDEX sale_customer ON sale (customer, cents);
COMMIT;
SELECT count(*), sum(cents) FROM sale WHERE customer BETWEEN 100 AND 200;
SELECT customer, sum(cents) AS s FROM sale GROUP BY customer ORDER BY s DESC LIMIT 3;
SQL

say "1. sqlite3, unmodified: a table of $rows rows is built, indexed and queried"
bare=0
for _ in warm-up measured; do
	rm -f "$demo/bare.db"
	begin=$(now_ms)
	sqlite3 "$demo/bare.db" <"$demo/work.sql" >"$demo/bare.out"
	bare=$(($(now_ms) - begin))
done
echo "\$ piste record --no-kernel --malloc --locks -o $demo/sqlite -- sqlite3 traced.db < work.sql"
begin=$(now_ms)
# shellcheck disable=SC2069 # the summary is shown, the answers are kept
"$piste" record --no-kernel --malloc --locks -o "$demo/sqlite" -- \
	sqlite3 "$demo/traced.db" <"$demo/work.sql" 2>&1 >"$demo/traced.out"
traced=$(($(now_ms) - begin))
cmp "$demo/bare.out" "$demo/traced.out"
echo "  speed      bare ${bare} ms, recorded ${traced} ms: $((bare * 100 / traced)) % of its bare speed (one run each; make bench has medians); same answers"
rm -f "$demo"/*.db
echo "\$ piste stat $demo/sqlite"
"$piste" stat "$demo/sqlite" | sed '/^environment/,$d'
echo "\$ piste print $demo/sqlite --filter 'size > 1000000'"
"$piste" print "$demo/sqlite" --filter 'size > 1000000' | head -3
agree "$demo/sqlite"

say "2. examples/shop, instrumented: four clerks serve $orders orders"
echo "\$ piste record --no-kernel -o $demo/shop -- $build/examples/shop $orders"
# shellcheck disable=SC2069 # the summary is shown, the answers are kept
"$piste" record --no-kernel -o "$demo/shop" -- "$build/examples/shop" $orders 2>&1 >"$demo/shop.out"
echo "\$ piste print $demo/shop --filter 'total > 12'"
"$piste" print "$demo/shop" -e shop:order_done -e shop:log --filter 'total > 12' | head -3
"$piste" print "$demo/shop" -e shop:log | head -2
echo "  events     emitted = recorded?"
while read -r name emitted; do
	recorded=$("$piste" print "$demo/shop" -e "$name" | wc -l)
	printf '    %-22s %9d %9d\n' "$name" "$emitted" "$recorded"
	[ "$emitted" -eq "$recorded" ] || exit 1
done <"$demo/shop.out"
agree "$demo/shop"

# redis NAME COMMAND...: a server under load, on a socket of its own; prints how many requests it
# served in a second
redis() {
	name=$1
	shift
	sock=$(cd "$demo" && pwd)/$name.sock # redis-server changes to its --dir first
	"$@" redis-server --port 0 --unixsocket "$sock" --save '' --appendonly no --daemonize no \
		--dir "$demo" >"$demo/$name.log" 2>"$demo/$name.err" &
	server=$!
	until redis-cli -s "$sock" ping >/dev/null 2>&1; do
		kill -0 $server 2>/dev/null || { cat "$demo/$name.log" >&2; exit 1; }
		sleep 0.05
	done
	redis-benchmark -s "$sock" -n 200000 -c 16 -t get --csv | tail -1 | cut -d, -f2 | tr -d '"'
	redis-cli -s "$sock" shutdown nosave >/dev/null 2>&1 || true
	wait $server || true
}

say "3. redis-server under redis-benchmark: system calls, scheduling and waits for locks on one clock"
if "$piste" record --quiet -o "$demo/probe" -e k:syscall:getppid -- true 2>"$demo/why"; then
	rm -rf "$demo/probe"
	bare=$(redis bare env)
	echo "\$ piste record --locks -e 'syscall:*' -e 'sched:*' -o $demo/redis -- redis-server …"
	recorded=$(redis recorded "$piste" record --locks -e 'syscall:*' -e 'sched:*' -o "$demo/redis" --)
	cat "$demo/recorded.err"
	echo "  speed      bare $bare requests/s, recorded $recorded"
	echo "\$ piste stat $demo/redis"
	"$piste" stat "$demo/redis" | sed '/^clocks/,$d' | head -24
	echo "\$ piste print $demo/redis -e syscall:read --filter 'ret > 0'"
	"$piste" print "$demo/redis" -e syscall:read --filter 'ret > 0' 2>/dev/null | head -3
	if "$piste" report --help >/dev/null 2>&1; then
		echo "\$ piste report syscalls $demo/redis"
		"$piste" report syscalls "$demo/redis" | head -12
	fi
	agree "$demo/redis"
else
	sed 's/^piste: /  skipped    /' "$demo/why"
fi

say "Look for yourself"
echo "  $piste print $demo/sqlite | less        babeltrace2 $demo/sqlite"
echo "  $piste stat $demo/shop                  $piste list --file $build/examples/shop"
