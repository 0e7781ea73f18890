#!/bin/sh
# no-asan: libpiste is never sanitized
# Where something is refused the program runs on, and its sites stay off or lose what they count.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"
build probe-load || exit 1

# runs NAME COMMAND...: under a session; ends well, untraced or traced whole
runs() {
	runs_name=$1
	shift
	timeout 60 ./pool-dump -q -d ./probe-load "$@" >out 2>err
	status=$?
	arrived=$(($(said total) + $(said lost)))
	if [ $status = 0 ] && grep -q '^status 0$' out && { [ $arrived = 0 ] || [ $arrived = "$(said emitted)" ]; }; then
		pass "$runs_name"
	else
		fail "$runs_name" "judge $status, arrived $arrived
$(cat err out)"
	fi
}

runs "RLIMIT_FSIZE of 1 MB" limited fsize 1000000 count 2 1000
for mb in 4 10 40 100 200 290 300 310 400 600; do
	runs "RLIMIT_AS of $mb MB" limited as "${mb}000000" count 1 1000
	runs "RLIMIT_AS of $mb MB, forks" limited as "${mb}000000" forks 3
done
runs "RLIMIT_NOFILE of 20" limited nofile 20 count 2 1000
# what this test inherited does not count
runs "RLIMIT_NOFILE of 4: hardly a descriptor is left" limited nofile 4 forks 3 \
	3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
# numbers of x86-64: memfd_create ftruncate socket sendmsg madvise mremap prctl sigaltstack tgkill
case $(uname -m) in
x86_64)
	for refused in memfd_create=319 ftruncate=77 socket=41 sendmsg=46 madvise=28 mremap=25 mmap_shared=9 \
		prctl=157 sigaltstack=131 tgkill=234 connect=42 readlinkat=267 fcntl=72 fstat=5; do
		[ $refused = mmap_shared=9 ] && continue # the loader needs it
		runs "${refused%=*} is refused" refuse "${refused#*=}" count 2 1000
		runs "${refused%=*} is refused, forks" refuse "${refused#*=}" forks 2
	done
	;;
*) skip "system calls are refused" "written for x86-64" ;;
esac
check_match "PISTE=off" "$(PISTE=off ./pool-dump -q ./probe-load count 1 100)" '^pools 0$'
check_match "a session file that is not there" "$(PISTE_SESSION=/nonexistent:/dev/null ./probe-load count 1 10)" '^emitted 10$'
head -c 1264 /dev/urandom >garbage
check_match "a session file of garbage" "$(PISTE_SESSION=$PWD/garbage ./probe-load count 1 10)" '^emitted 10$'

# the clock of a kernel that does not trust its TSC
if unshare -m true 2>/dev/null; then
	echo hpet >source
	judge "a clock that is not the TSC" -d unshare -m sh -c \
		"mount --bind source /sys/devices/system/clocksource/clocksource0/current_clocksource && exec ./probe-load count 2 100000"
else
	skip "a clock that is not the TSC" "unshare -m is refused"
fi

# AT_SECURE: a program with more rights than its caller
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 .
	cp probe-load secure
	chmod 4755 secure
	as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	# shellcheck disable=SC2086 # a list
	if $as_nobody ./probe-load count 1 10 >/dev/null 2>&1; then
		check_match "an ordinary program takes PISTE_SESSION" "$($as_nobody ./pool-dump -q ./probe-load count 1 10)" '^total 10$'
		check_match "a setuid one does not" "$($as_nobody ./pool-dump -q ./secure count 1 10)" '^pools 0$'
	else
		skip "AT_SECURE" "another user cannot reach the build directory"
	fi
else
	skip "AT_SECURE" "needs root and setpriv"
fi
end
