#!/bin/sh
# no-asan: libpiste is never sanitized
# Every type of field, in C and C++, as gcc and clang compile it; spans on every way out.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"

# fields NAME COMPILER STANDARD LEVEL SOURCE
fields() {
	# shellcheck disable=SC2086 # a list
	if command -v "$2" >/dev/null; then
		check "$1, $2 $3 $4" sh -c "$2 $3 $4 -g -Wall -Wextra -Werror -I'$ROOT/include' '$ROOT/tests/integration/$5' -o fields $LINK && ./fields"
	else
		skip "$1, $2 $3 $4" "$2 is not installed"
	fi
}

for level in -O0 -O2 -O3; do
	for cc in gcc clang; do
		fields "C" $cc -std=gnu17 $level probe-fields.c
	done
	for cxx in g++ clang++; do
		fields "C++" $cxx -std=gnu++17 $level probe-fields.cc
	done
done
fields "C" gcc -std=c11 -O2 probe-fields.c
fields "C++" g++ -std=c++20 -O2 probe-fields.cc
# the same payloads beside a recorder, which gets them all
check_match "beside a recorder" "$(./pool-dump -q -d -c -e 't:*' ./fields 2>&1)" '^status 0$'
end
