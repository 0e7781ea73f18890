#!/bin/sh
# Scripts in the kernel: what they count is what was done. Needs rights.
. "$(dirname "$0")/../tap.sh"

run() {
	timeout 20 "$PISTE" run -q "$@"
}

if ! run -e 'BEGIN { exit(); }' >/dev/null 2>err; then
	grep -q 'CAP_BPF' err && echo "1..0 # SKIP BPF programs need rights" && exit 0
fi

check_is "hello" "$(run -e 'BEGIN { printf("hello %s %d\n", "you", 1 + 2); exit(); }' | head -1)" "hello you 3"
run -e 'BEGIN { exit(3); }' >/dev/null
check_is "the status of exit()" $? 3
check_is "parameters" "$(run -e 'BEGIN { printf("%d %s %d\n", $1, str($2), $#); exit(); }' 7 word | head -1)" "7 word 2"

# expressions, as C has them
values() {
	run -e "BEGIN { printf(\"%d\n\", $1); exit(); }" | head -1
}
for case in '7 / 2=3' '-7 / 2=-3' '-7 % 3=-1' '1 << 4 | 1=17' '(int8)200=-56' '(uint8)300=44' '!5=0' '~0=-1' \
	'5 > 3 && 2 > 1=1' '1 ? 10 : 20=10' '-1 < 1=1' 'sizeof(int32)=4' 'strlen("four")=4' '(1, 2, 3).1=2' \
	'strncmp("abcd", "abxy", 2)=0' 'bswap((uint16)0x1234)=13330' '0x10 + 010 + 1e3=1024' '(-8) >> 1=-4' \
	'("b" == "b") + ("a" != "b")=2'; do
	check_is "${case%=*}" "$(values "${case%=*}")" "${case##*=}"
done

run -e 'BEGIN { $i = 0; while ($i < 5) { $i++; if ($i == 2) { continue; } @w[$i] = $i * $i; if ($i == 4) { break; } }
	for ($j : 0..4) { @f += $j; } unroll (3) { @u++; } exit(); }' >out
check_is "loops" "$(grep '^@' out | tr '\n' ' ')" "@f: 6 @u: 3 @w[1]: 1 @w[3]: 9 @w[4]: 16 "

run -e 'BEGIN { @c = count(); @c = count(); @s = sum(5); @s = sum(-7); @a = avg(3); @a = avg(6); @m = min(4); @m = min(2);
	@x = max(4); @x = max(9); @t = stats(10); @t = stats(20); @h = hist(0); @h = hist(1500); @l = lhist(7, 0, 10, 5);
	@k["a", 1] = count(); @e = "text"; @p = (1, "two"); exit(); }' >out
for line in '@c: 2' '@s: -2' '@a: 4' '@m: 2' '@x: 9' '@t: count 2, average 15, total 30' '@k\[a, 1\]: 1' '@e: text' \
	'@p: \(1, two\)' '\[1K, 2K\)               1 \|@+\|' '\[5, 10\)                1 \|@+\|'; do
	check_match "$line" "$(cat out)" "^$line\$"
done

# What a program does is counted exactly.
cat >program.c <<'END'
#include <unistd.h>
#include <sys/syscall.h>
int main(void)
{
	for (int i = 0; i < 12345; i++)
		syscall(SYS_getppid);
	return 0;
}
END
cc -O1 program.c -o program
run -c ./program -e 'tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { @n = count(); }
	tracepoint:syscalls:sys_enter_* /pid == cpid/ { @[probe] = count(); }
	tracepoint:raw_syscalls:sys_enter /pid == cpid && args.id == 110/ { @raw[comm] = count(); }
	tracepoint:syscalls:sys_exit_getppid /pid == cpid && args.ret > 0/ { @out = count(); }' >out
for line in '@n: 12345' '@\[tracepoint:syscalls:sys_enter_getppid\]: 12345' '@raw\[program\]: 12345' '@out: 12345'; do
	check_match "$line" "$(cat out)" "^$line\$"
done

echo text >some-file
run -c 'cat some-file' -e 'tracepoint:syscalls:sys_enter_openat /pid == cpid/ { printf("%s\n", str(args.filename)); }' >out
check_match "a file's name" "$(cat out)" '^some-file$'
run -c 'sh -c "sleep 0.05; true"' -e 'tracepoint:sched:sched_process_exit { @[args.comm] = count(); }' >out
check_match "fields of a tracepoint" "$(cat out)" '^@\[sleep\]: 1$'

# user functions: their arguments, results, names
cat >functions.c <<'END'
#include <string.h>
#include <unistd.h>
__attribute__((noinline)) long work_one(int n, const char *text)
{
	usleep(200);
	return n * 2 + (long)strlen(text);
}
__attribute__((noinline)) int work_two(int n)
{
	asm volatile("");
	return n + 1;
}
int main(int argc, char **argv)
{
	long n = 0;

	for (int i = 0; i < 200; i++)
		n += work_one(i, argv[0]) + (i % 4 ? 0 : work_two(i));
	return n == argc;
}
END
cc -O1 functions.c -o functions
if run -c ./functions -e 'uprobe:./functions:work_one { @n = count(); @most = max(arg0); @text[str(arg1)] = count(); @f[func] = count(); }
	uprobe:./functions:work_* { @[probe] = count(); } uretprobe:./functions:work_one { @result = max(retval); }' >out 2>err ||
	! grep -q 'need Linux' err; then
	for line in '@n: 200' '@most: 199' '@text\[./functions\]: 200' '@f\[work_one\]: 200' '@result: 409' \
		'@\[uprobe:./functions:work_two\]: 50' '@\[uprobe:./functions:work_one\]: 200'; do
		check_match "user functions: $line" "$(cat out err)" "^$line\$"
	done
else
	skip "user functions" "this kernel cannot attach to many at once"
fi
run -e 'uprobe:./functions:work_on { }' >out 2>err
check_match "a function that is not there" "$(cat err)" 'did you mean work_one'

check_is "intervals" "$(run -e 'interval:ms:20 { @n++; if (@n == 3) { exit(); } }' | grep @)" "@n: 3"
check_match "samples" "$(run -e 'profile:hz:99 { @[cpu] = count(); } interval:ms:300 { exit(); }')" '^@\[0\]: [1-9]'
check_is "json" "$(run -f json -e 'BEGIN { @x["a"] = 1; printf("h\n"); exit(); }' | tail -2 | tr '\n' ' ')" \
	'{"type": "printf", "data": "h\n"} {"type": "map", "data": {"@x": {"a": 1}}} '
check_is "the order of clauses" "$(run -e 'BEGIN { @x = 1; } BEGIN { @x = @x * 10 + 2; } BEGIN { @x = @x * 10 + 3; exit(); }' | grep @)" "@x: 123"
check_is "nothing runs after exit()" "$(run -e 'BEGIN { exit(); @x = 1; } BEGIN { @x = 2; }' | grep @)" "@x: 0"

# A map that is full says so.
run -e 'config = { max_map_keys = 2 } BEGIN { @x[1] = 1; @x[2] = 1; @x[3] = 1; exit(); }' >out 2>err
check_match "a full map" "$(cat err)" 'lost 1 updates'

# Ctrl-C shows the maps, and nothing stays behind.
"$PISTE" run -q -e 'tracepoint:raw_syscalls:sys_enter { @n = count(); }' >out 2>&1 &
sleep 0.5
kill -INT $!
wait $!
check_is "Ctrl-C: status" $? 0
check_match "Ctrl-C: maps" "$(cat out)" '^@n: [1-9]'

if command -v bpftrace >/dev/null; then
	script='BEGIN { @h = hist(5); @h = hist(4000); @l = lhist(3, 0, 10, 2); @k["b", 2] = 1; @k["a", 1] = 2; @s = stats(4);
		@a = avg(3); @e = "str"; printf("%5d|%-5s|%x\n", 42, "ab", 255); exit(); }'
	run -e "$script" >mine
	bpftrace -q -e "$script" 2>/dev/null >theirs
	if [ -s theirs ]; then
		check "the form of bpftrace" diff -B theirs mine
	else
		skip "the form of bpftrace" "bpftrace does not run here"
	fi
fi
end
