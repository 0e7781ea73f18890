#!/bin/sh
# no-asan: libpiste is never sanitized
# Emitted = recorded + lost: one thread and many, full pools, short threads, records of every size.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"
build probe-load || exit 1

judge "one thread" -d ./probe-load count 1 1000000
check_is "one thread, read as it goes: none lost" "$(said lost)" 0
judge "eight threads" -d ./probe-load count 8 300000
judge "nobody reads until the end" "" ./probe-load count 4 300000
check_is "of 24 MB in a pool of 32 none is lost" "$(said lost)" 0
judge "records with their CPU" "-d -c" ./probe-load count 2 100000
judge "a full pool" "-b 1048576" ./probe-load count 3 200000
check "a full pool loses" [ "$(said lost)" -gt 0 ]
check "a full pool keeps to its budget" [ "$(said bytes)" -le 1048576 ]
judge "a full pool, by writer" "-b 1048576 -w" ./probe-load count 8 50000
check_is "a full pool: each writer's losses are exact" \
	"$(awk '$1 == "writer" { n++; if ($3 + $4 == 50000) good++ } END { print n, good }' out)" "8 8"
judge "a pool too small for one chunk" "-b 4096" ./probe-load count 2 10000
check_is "a pool too small for one chunk: all is lost" "$(said lost)" 20000
judge "a small pool that is read" "-d -b 262144" ./probe-load count 2 1000000
judge "1,000 threads, each a little" -d ./probe-load little 1000
check "1,000 threads take at most 64 MiB" [ "$(said blocks)" -le 67108864 ]
check_is "1,000 threads lose nothing" "$(said lost)" 0
judge "1,000 threads in a pool for 100, again and again" "-b 819200" ./probe-load little 1000
judge "100,000 short threads" -d ./probe-load churn 100000
check_is "100,000 short threads lose nothing" "$(said lost)" 0
check "100,000 short threads give their chunks back" [ "$(said bytes)" -le 33554432 ]
judge "records up to 48 KiB" -d ./probe-load big 200
check_is "records over 48 KiB are lost, and counted" "$(said lost)" "$(said large)"
judge "structures that change under our hands" -d ./probe-load torn 10000
check_is "structures that change under our hands are lost, and counted" "$(said lost)" "$(said torn)"
check_is "a rule for another event: nothing is recorded, nothing is lost" \
	"$(./pool-dump -q -e 'other:*' ./probe-load count 1 10 | grep -E '^(total|lost|pools) ')" "total 0
lost 0
pools 1"
end
