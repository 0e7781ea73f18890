#!/bin/sh
# piste record --malloc --locks --functions: programs that nobody instrumented run as they did, and
# what they allocate, wait for and call is in the trace, each once. Read with babeltrace2.
. "$(dirname "$0")/../tap.sh"
need cc babeltrace2

here=$ROOT/tests/integration

build() {
	program=$1
	shift
	check "cc wrap-$program" cc -O1 -g -fno-builtin -no-pie -Wall -Wextra -o "$@" -pthread
}

# trace OUT OPTION... -- CMD...
trace() {
	out=$1
	shift
	"$PISTE" record --no-kernel --quiet --force -o "$out" "$@"
}

# lines `NAME TID/PID FIELD=VALUE …` in time order, hexadecimal in small letters
events() {
	babeltrace2 "$1" 2>babeltrace2.err | awk '
		match($0, /piste_(libc|lock|func):[a-z_]*/) {
			name = substr($0, RSTART, RLENGTH)
			line = substr($0, RSTART + RLENGTH)
			match(line, /pid = [0-9]+/); pid = substr(line, RSTART + 6, RLENGTH - 6)
			match(line, /tid = [0-9]+/); tid = substr(line, RSTART + 6, RLENGTH - 6)
			sub(/^.*}, { /, "", line)
			sub(/ }$/, "", line)
			gsub(/ = /, "=", line)
			gsub(/, /, " ", line)
			gsub(/\( "|" : container=-?[0-9]+ \)/, "", line)
			print name, tid "/" pid, tolower(line)
		}'
}

count() {
	grep -c "$@"
}

# ---- allocations

build alloc alloc "$here/wrap-alloc.c"
check "allocations of 4 threads" trace t --malloc -- ./alloc 4 250
events t | grep 'caller=0x40' >e
for row in malloc=3000 calloc=1000 realloc=1000 reallocarray=2000 free=8000 memalign=1000 \
	aligned_alloc=1000 posix_memalign=1000 valloc=1000 pvalloc=1000 mmap=2000 mremap=1000 \
	munmap=1000 sbrk=1; do
	check_is "every ${row%=*} is an event" "$(count "^piste_libc:${row%=*} " e)" "${row#*=}"
done
check_is "nothing else is" "$(grep -vc '^piste_libc:' e)" 0
check_is "no second event from within libc" "$(events t | grep -c '^piste_libc:realloc .*size=14')" 0
check_match "malloc" "$(grep 'libc:malloc' e)" 'size=70001 ptr=0x[0-9a-f]+ caller=0x40'
check_match "a malloc that failed" "$(cat e)" 'libc:malloc .*size=9223372036854775807 ptr=0x0 '
check_match "calloc" "$(cat e)" 'libc:calloc .*count=3 size=70002 ptr=0x[1-9a-f]'
check_match "posix_memalign" "$(cat e)" 'posix_memalign .*alignment=128 size=70006 ptr=0x[0-9a-f]+[08]0 '
check_match "mmap" "$(cat e)" 'libc:mmap .*size=70001 ptr=0x[0-9a-f]+ at=0x0 protection=3 flags=34 fd=-1 offset=0 '
check_match "an mmap that failed" "$(cat e)" 'libc:mmap .*ptr=0xf{16} '
check_match "mremap" "$(cat e)" 'libc:mremap .*old_size=70001 size=210003 ptr=0x'

check "allocations of one thread" trace t --malloc -- ./alloc 1 100
check_is "what is freed was given, what was given is freed" "$(events t | grep 'caller=0x40' | awk '
	function field(name) {
		return match($0, " " name "=[^ ]*") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : ""
	}
	function take(ptr) {
		if (!(ptr in live))
			print "not given:", $0
		delete live[ptr]
	}
	function give(ptr) {
		if (ptr == "0x0")
			return
		if (ptr in live)
			print "given twice:", $0
		live[ptr] = $1
	}
	/:(mmap|munmap|mremap|sbrk) / { next }
	/:free / { take(field("ptr")); next }
	/:realloc(array)? / && field("old") != "0x0" { take(field("old")) }
	{ give(field("ptr")); n++ }
	END {
		for (ptr in live)
			print "not freed:", ptr, live[ptr]
		print n
	}')" 1200

# ---- unusual programs

build users users "$here/wrap-users.c"
check "cc plugin" cc -fno-builtin -fPIC -shared -DPLUGIN -o plugin.so "$here/wrap-users.c"
check_is "constructors, plugins, vfork, spawn, fork, handlers, closed descriptors" \
	"$(trace t --malloc --locks --functions -- ./users ./plugin.so 2>&1)" ok
events t >e
for row in 70020=1 70021=20 70022=1 70023=5 70024=30 70025=1 70026=1; do
	check_is "the allocation of ${row%=*} bytes" \
		"$(grep -v 'libc:free' e | grep -c " size=${row%=*} ")" "${row#*=}"
done

check "cc a malloc of the program's own" cc -O1 -fno-builtin -fPIC -shared -o libarena.so "$here/wrap-arena.c"
check "cc functions" cc -O1 -no-pie -finstrument-functions -o functions "$here/wrap-functions.c" \
	-L. -Wl,--no-as-needed -larena "-Wl,-rpath,$WORK"
check "functions, and that malloc" sh -c '"$PISTE" record --no-kernel --quiet --force -o t --functions --malloc -- ./functions 15 >said'
events t >e
# shellcheck disable=SC2046
set -- $(cat said)
check_is "every call of fib is entered" "$(count "^piste_func:enter .*function=$2 " e)" "$1"
check_is "and left" "$(count "^piste_func:exit .*function=$2 " e)" "$1"
check_match "the malloc is seen" "$(cat e)" 'libc:malloc '
check "without --functions" trace t --malloc -- ./functions 15
check_is "no function is" "$(events t | count '^piste_func')" 0
check "-e '*' --locks" trace t --locks -e '*' -- ./functions 15
check_is "is no --malloc" "$(events t | count '^piste_libc')" 0

# ---- locks

build locks locks "$here/wrap-locks.c"
check "every kind of lock" sh -c '"$PISTE" record --no-kernel --quiet --force -o t --locks -- ./locks >said'
events t >e
check_is "each wait: lock, owner, result" "$(awk '
	function field(name) {
		return match($0, " " name "=[^ ]*") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : ""
	}
	FNR == NR { objects[$2] = 1; next }
	{ split($2, id, "/") }
	id[1] != id[2] || !(field("lock") in objects) { next }
	/mutex_busy/ { print "mutex_busy", field("lock"), field("owner"), "-" }
	/_wait_begin/ { owner = field("owner") + 0 }
	/_wait_end/ {
		sub(/^piste_lock:/, "")
		sub(/_wait_end/, "")
		print $1, field("lock"), owner, field("result")
	}' said e)" "$(cat said)"
check_is "wait times: what it was held for" "$(awk '
	function field(name) {
		return match($0, " " name "=[^ ]*") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : ""
	}
	FNR == NR { objects[$2] = 1; next }
	/_wait_end/ && !/barrier/ {
		ns = field("wait_ns") + 0
		split($2, id, "/")
		if (id[1] != id[2] || !(field("lock") in objects))
			next
		# 40 ms; a deadline of 5 or 10
		if (/=(acquired|signalled)/ && (ns < 30e6 || ns > 400e6))
			print
		if (/=timed_out/ && (ns < 4e6 || ns > 400e6))
			print
		n++
	}
	END { print n }' said e)" "$(grep -vc mutex_busy said)"
check_is "the holder lets go of a mutex that was waited for" \
	"$(grep -c "^piste_lock:mutex_unlock $(awk '$1 == "mutex" { print $3; exit }' said)/" e)" 1
check_is "a barrier has one last" "$(count 'barrier_wait_end .*result=passed_last' e)" \
	"$(count 'barrier_wait_end .*result=passed ' e)"
if [ "$(uname -m)" = x86_64 ]; then
	build oldcond oldcond "$here/wrap-oldcond.c"
	check_is "old condition variables are left alone" "$(trace t --locks -- ./oldcond)" ok
	check_is "and are no event" "$(events t | count cond_wait)" 0
else
	skip "old condition variables" "x86-64 alone has them"
fi

# ---- real programs

# same NAME PROGRAM SCRIPT: says the same with us and without
same() {
	if ! command -v "$2" >/dev/null 2>&1; then
		skip "$1" "$2 is not installed"
		return
	fi
	rm -rf work && mkdir work
	wanted=$(cd work && sh -c "$3" 2>&1; echo "status $?")
	rm -rf work && mkdir work
	check_is "$1 says what it says" "$(cd work && "$PISTE" record --no-kernel --quiet --force -o ../t \
		--malloc --locks --functions -- sh -c "$3" 2>&1; echo "status $?")" "$wanted"
	check_match "$1 allocates" "$(events t | head -1000)" 'libc:malloc '
}

same python3 /usr/bin/python3 '/usr/bin/python3 -c "
import json, threading, subprocess
l = []
ts = [threading.Thread(target=lambda: l.append(sum(range(1000)))) for _ in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
print(json.dumps({str(i): i for i in range(100)}), l, subprocess.run([\"echo\", \"x\"], capture_output=True).stdout)"'
same sqlite3 sqlite3 'sqlite3 :memory: "create table t(a, b); with recursive n(i) as (select 1 union all select i+1 from n where i<20000) insert into t select i, hex(i*i) from n; create index x on t(b); select count(*), sum(a), max(b) from t where b > 5;"'
same gcc gcc 'printf "#include <stdio.h>\nint main(void){puts(\"x\");}" >x.c && gcc -O2 -o x x.c && ./x'
same git git 'git init -q . && echo 1 >a && git add a && git -c user.name=x -c user.email=x@x commit -qm x --date=2020-01-01T00:00:00Z && git status && git fsck && git log --format=%s'
same bash bash 'bash -c "for i in {1..50}; do echo \$((i * i)) | cat; done; wait; (exit 3)"'
same "C++" g++ 'printf "#include <iostream>\n#include <thread>\n#include <vector>\n#include <stdexcept>\n#include <map>\nint main(){std::map<int,std::string> m; for(int i=0;i<1000;i++) m[i]=std::string(i,65); std::vector<std::thread> v; for(int i=0;i<4;i++) v.emplace_back([]{try{throw std::runtime_error(\"x\");}catch(std::exception&){}}); for(auto&t:v) t.join(); std::cout<<m[50]<<std::endl;}" >x.cc && g++ -o x x.cc -pthread && ./x'
same redis redis-server 'redis-server --port 0 --unixsocket s --save "" --daemonize yes >/dev/null; for i in 1 2 3 4 5 6 7 8 9; do [ -S s ] && break; sleep 0.1; done; redis-cli -s s set a 1; redis-cli -s s eval "for i=1,1000 do redis.call(\"rpush\",\"l\",i) end return redis.call(\"llen\",\"l\")" 0; redis-cli -s s shutdown'
end
