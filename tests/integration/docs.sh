#!/bin/sh
# The man pages name the options that --help names, and no other; they render;
# the paths that the architecture names are there.
. "$(dirname "$0")/../tap.sh"

for command in record recover print babeltrace2 stat list doctor report run top; do
	"$PISTE" $command --help | grep -o '^ .\{0,6\}--[a-z][a-z-]*' | grep -o -- '--.*' | sort -u >"$WORK/help"
	grep -o '^\(\*-.\*, \)\{0,1\}\*--[a-z-]*\*' "$ROOT/docs/man/piste-$command.1.scd" |
		grep -o -- '--[a-z-]*' | sort -u >"$WORK/page"
	check "piste-$command.1 has the options of --help" diff "$WORK/help" "$WORK/page"
done

if command -v scdoc >/dev/null; then
	for page in "$ROOT"/docs/man/*.scd; do
		check "$(basename "$page") renders" sh -c "scdoc <'$page' >/dev/null"
	done
else
	skip "man pages render" "scdoc is not installed"
fi

grep -o '`[a-z/-]*/[a-z./-]*\.[ch]`' "$ROOT/docs/architecture.md" | tr -d '`' | sort -u |
	while read -r path; do
		[ -e "$ROOT/$path" ] || [ -e "$ROOT/include/piste/$path" ] || [ -e "$ROOT/src/$path" ] || echo "$path"
	done >"$WORK/missing"
check "paths in docs/architecture.md" test ! -s "$WORK/missing"

end
