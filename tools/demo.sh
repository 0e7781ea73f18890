#!/bin/sh
# Records two programs and shows what came out: sqlite3 at real work, which
# nobody instrumented (allocations, waits for locks), and examples/shop, which
# is (threads, spans, a log). babeltrace2 judges both traces, event for event.
#
# Needs no root and asks nothing. Leaves build/demo/, which the next run replaces.
set -eu
cd "$(dirname "$0")/.."

build=${BUILD:-build}
piste=$build/piste
demo=$build/demo
orders=200000

for tool in sqlite3 babeltrace2; do
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

# Whether babeltrace2 reads the same events at the same times with the same fields.
agree() {
	"$piste" print --raw --no-anchors --statedump "$1" >"$1.piste.txt"
	babeltrace2 "$1" >"$1.babeltrace2.txt"
	if cmp -s "$1.piste.txt" "$1.babeltrace2.txt"; then
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
echo "\$ piste record --malloc --locks -o $demo/sqlite -- sqlite3 traced.db < work.sql"
begin=$(now_ms)
# shellcheck disable=SC2069 # the summary is shown, the answers are kept
"$piste" record --malloc --locks -o "$demo/sqlite" -- \
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
echo "\$ piste record -o $demo/shop -- $build/examples/shop $orders"
# shellcheck disable=SC2069 # the summary is shown, the answers are kept
"$piste" record -o "$demo/shop" -- "$build/examples/shop" $orders 2>&1 >"$demo/shop.out"
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

say "Look for yourself"
echo "  $piste print $demo/sqlite | less        babeltrace2 $demo/sqlite"
echo "  $piste stat $demo/shop                  $piste list --file $build/examples/shop"
