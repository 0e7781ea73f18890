#!/bin/sh
# no-asan: libpiste is never sanitized
# The header compiles without a word, links and runs, however it is compiled and linked.
. "$(dirname "$0")/../tap.sh"
. "$ROOT/tests/probe.sh"

# Two translation units with a header between them; 4 events of 3 sites, and one that is
# never reached. What it prints is what it emits.
cat >shared.h <<'C'
#include <piste/piste.h>
#include <piste/tracer.h>
static inline void in_header(int n)
{
	PISTE(build, header, n);
}
void second(int n);
C
cat >first.c <<'C'
#include "shared.h"
void never(int n);
void never(int n)
{
	PISTE(build, never, n);
}
int main(int argc, char **argv)
{
	(void)argv;
	PISTE(build, first, argc, (text, "text"));
	in_header(1);
	second(2);
	return 0;
}
C
cat >second.c <<'C'
#include "shared.h"
struct pair {
	int a, b;
};
PISTE_STRUCT(pair, const struct pair *self, (a, self->a), (b, self->b));
PISTE_ENUM(sign, int, ("minus", -1), ("plus", 1));
void second(int n)
{
	struct pair pair = {n, 3};

	in_header(n);
	PISTE(build, second, (pair, PISTE_AS(pair, &pair)), (sign, PISTE_AS(sign, 1)));
	{
		PISTE_SCOPE(build, scope, n);
		PISTE_LOG(build, PISTE_INFO, "%d", n);
		if (PISTE_ENABLED(build, first))
			PISTE_LEVEL(PISTE_DEBUG, build, enabled, PISTE_ARRAY(&pair.a, 2));
	}
}
C
for source in first second; do cp $source.c $source.cc; done
cat >templates.cc <<'C'
#include "shared.h"
template <class T> struct box {
	T value;
	explicit box(T v) : value(v) { PISTE(build, made, value); }
	~box() { PISTE(build, gone, value); }
	void look() const { PISTE(build, looked, value, (size, sizeof(T))); }
};
inline int inlined(int n) { PISTE(build, inlined, n); return n; }
void templates(int n);
C
cat >templates1.cc <<'C'
#include "templates.cc"
void templates(int n)
{
	box<int> b(n);
	b.look();
	box<const char *>("x").look();
	auto lambda = [](auto x) { PISTE(build, lambda, x); };
	lambda(inlined(n));
	lambda("text");
}
C
cat >templates2.cc <<'C'
#include "templates.cc"
int main(int argc, char **)
{
	box<int> b(argc);
	b.look();
	inlined(argc);
	templates(argc);
}
C
warnings="-Wall -Wextra -Werror -Wshadow -pedantic -Wno-unused-command-line-argument"
wanted="build:enabled 1 build:first 1 build:header 2 build:log 1 build:scope_begin 1 build:scope_end 1 build:second 1 "
wanted_cxx="build:gone 3 build:inlined 2 build:lambda 2 build:looked 3 build:made 3 "
shared_piste="-L$PISTE_BUILD -lpiste -Wl,-rpath,$PISTE_BUILD"
static_piste="$PISTE_BUILD/libpiste.a -lpthread"

# What a recorder sees of ./program
seen() {
	timeout 20 ./pool-dump -q "$@" 2>&1 | awk '
		$1 == "event" && $3 { seen[n++] = $2 " " $3 }
		$1 == "status" && $2 { print "status " $2 }
		/^pool-dump/
		END { for (i = 0; i < n; i++) print seen[i] }' | sort | tr '\n' ' '
}

# works NAME WANTED COMMAND: compiles ./program, which must show WANTED
works() {
	if ! tap_said=$(eval "$3" 2>&1); then
		fail "$1" "$3
$tap_said"
	else
		check_is "$1" "$(seen ./program)" "$2"
	fi
	rm -f program
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# ---- compilers, standards, levels, ways to place code
for cc in gcc clang; do
	have $cc || { skip "$cc" "$cc is not installed"; continue; }
	for std in c11 gnu17; do
		for level in -O0 -O2 -O3; do
			works "$cc -std=$std $level" "$wanted" \
				"$cc -std=$std $level $warnings -I$ROOT/include first.c second.c -o program $shared_piste"
		done
	done
	for how in -fPIE\ -pie -fPIC -no-pie\ -fno-pie -flto -fvisibility=hidden \
		-ffunction-sections\ -fdata-sections\ -Wl,--gc-sections -fno-common -g3 -Os -fno-plt \
		-fcf-protection=full -fstack-protector-strong -mcmodel=medium -pg -Wl,-z,noseparate-code \
		-Wl,-z,now -Wl,--as-needed -fsanitize=address,undefined -fsanitize=thread -march=native -m32; do
		case $cc,$how in *,-m32) continue ;; clang,-mcmodel=medium | clang,-pg) continue ;; esac
		run=
		# gcc 12's and clang 14's have no room for the randomness of newer kernels
		[ "$how" = -fsanitize=thread ] && run="setarch -R"
		if ! tap_said=$($cc -std=gnu17 -O2 $warnings $how -I"$ROOT/include" first.c second.c -o program $shared_piste 2>&1); then
			fail "$cc $how" "$tap_said"
		else
			check_is "$cc $how" "$(seen $run ./program)" "$wanted"
		fi
	done
	works "$cc -static" "$wanted" "$cc -O2 -static -I$ROOT/include first.c second.c -o program $static_piste"
	works "$cc -static-pie" "$wanted" "$cc -O2 -static-pie -fPIE -I$ROOT/include first.c second.c -o program $static_piste"
	works "$cc -static -flto" "$wanted" "$cc -O2 -static -flto -I$ROOT/include first.c second.c -o program $static_piste"
	works "$cc -static -Wl,-z,noseparate-code" "$wanted" \
		"$cc -O2 -static -Wl,-z,noseparate-code -I$ROOT/include first.c second.c -o program $static_piste"
	works "$cc, the archive in a dynamic program" "$wanted" "$cc -O2 -I$ROOT/include first.c second.c -o program $static_piste"
	works "$cc -static -ffunction-sections --gc-sections" "$wanted" \
		"$cc -O2 -static -ffunction-sections -fdata-sections -Wl,--gc-sections -I$ROOT/include first.c second.c -o program $static_piste"
	works "$cc, without libpiste" "" "$cc -O2 $warnings -I$ROOT/include first.c second.c -o program"
	works "$cc, without libpiste, -static" "" "$cc -O2 -static -I$ROOT/include first.c second.c -o program"
	works "$cc, without libpiste, -no-pie" "" "$cc -O0 -no-pie -fno-pie -I$ROOT/include first.c second.c -o program"
	for ld in lld gold; do
		if have ld.$ld; then
			works "$cc -fuse-ld=$ld" "$wanted" \
				"$cc -O2 -fuse-ld=$ld -Wl,--no-as-needed -I$ROOT/include first.c second.c -o program $shared_piste"
			works "$cc -fuse-ld=$ld -ffunction-sections --gc-sections" "$wanted" \
				"$cc -O2 -ffunction-sections -fdata-sections -Wl,--gc-sections -fuse-ld=$ld -Wl,--no-as-needed -I$ROOT/include first.c second.c -o program $shared_piste"
			# gold takes nothing out of an archive for a common symbol
			works "$cc -fuse-ld=$ld -static" "$wanted" \
				"$cc -O2 -static -fuse-ld=$ld -Wl,-u,piste_object_register -I$ROOT/include first.c second.c -o program $static_piste"
		else
			skip "$cc -fuse-ld=$ld" "ld.$ld is not installed"
		fi
	done
done
for cxx in g++ clang++; do
	have $cxx || { skip "$cxx" "$cxx is not installed"; continue; }
	for std in c++17 gnu++17 c++20; do
		for level in -O0 -O2 -O3; do
			works "$cxx -std=$std $level" "$wanted" \
				"$cxx -std=$std $level $warnings -I$ROOT/include first.cc second.cc -o program $shared_piste"
			works "$cxx -std=$std $level, templates" "$wanted_cxx" \
				"$cxx -std=$std $level $warnings -I$ROOT/include templates1.cc templates2.cc -o program $shared_piste"
		done
	done
	for how in -fPIC -no-pie\ -fno-pie -flto -fvisibility=hidden -ffunction-sections\ -Wl,--gc-sections \
		-fsanitize=address,undefined -fno-exceptions -fno-rtti; do
		works "$cxx $how, templates" "$wanted_cxx" \
			"$cxx -std=c++17 -O2 $warnings $how -I$ROOT/include templates1.cc templates2.cc -o program $shared_piste"
	done
	works "$cxx -static, templates" "$wanted_cxx" \
		"$cxx -std=c++17 -O2 -static -I$ROOT/include templates1.cc templates2.cc -o program $static_piste"
	works "$cxx, without libpiste" "" "$cxx -std=c++17 -O2 $warnings -I$ROOT/include templates1.cc templates2.cc -o program"
done
works "C and C++ in one program" "$wanted" \
	"gcc -O2 -I$ROOT/include -c first.c -o first.o && sed -i 's/^void second(int n);/extern \"C\" &/' shared.h && g++ -O2 -I$ROOT/include -c second.cc -o second.o && sed -i 's/^extern \"C\" //' shared.h && g++ first.o second.o -o program $shared_piste"

# ---- musl
if have musl-gcc; then
	works "musl-gcc -static" "$wanted" "musl-gcc -O2 -static -I$ROOT/include first.c second.c -o program $PISTE_BUILD/libpiste.a"
	works "musl-gcc -static -Wl,-z,noseparate-code" "$wanted" \
		"musl-gcc -O2 -static -Wl,-z,noseparate-code -I$ROOT/include first.c second.c -o program $PISTE_BUILD/libpiste.a"
	works "musl-gcc -static, without libpiste" "" "musl-gcc -O2 -static -I$ROOT/include first.c second.c -o program"
else
	skip "musl-gcc" "musl-gcc is not installed"
fi

# ---- shared objects: a library, the program without sites, and with
cat >main.c <<'C'
void second(int n);
int main(void)
{
	second(2);
	return 0;
}
C
wanted_library="build:enabled 1 build:header 1 build:log 1 build:scope_begin 1 build:scope_end 1 build:second 1 "
for cc in gcc clang; do
	have $cc || continue
	library="$cc -O2 -shared -fPIC -I$ROOT/include second.c -o libsecond.so"
	works "$cc, sites in a library alone" "$wanted_library" \
		"$library $shared_piste && $cc main.c -o program -L. -lsecond -Wl,-rpath,'\$ORIGIN'"
	works "$cc, sites in both" "$wanted" \
		"$library $shared_piste && $cc -O2 -I$ROOT/include first.c -o program -L. -lsecond -Wl,-rpath,'\$ORIGIN' $shared_piste"
	works "$cc, the library linked without libpiste, the program with" "$wanted" \
		"$library && $cc -O2 -I$ROOT/include first.c -o program -L. -lsecond -Wl,-rpath,'\$ORIGIN' $shared_piste"
	works "$cc, a library that holds the archive" "$wanted_library" \
		"$library $static_piste && $cc main.c -o program -L. -lsecond -Wl,-rpath,'\$ORIGIN'"
	works "$cc -Wl,-Bsymbolic -Wl,-z,noseparate-code" "$wanted_library" \
		"$library -Wl,-Bsymbolic -Wl,-z,noseparate-code $shared_piste && $cc main.c -o program -L. -lsecond -Wl,-rpath,'\$ORIGIN'"
done

# ---- what libpiste may not do
check_is "the archive's names all begin with piste_" \
	"$(nm -g --defined-only "$PISTE_BUILD/libpiste.a" | awk 'NF == 3 && $3 !~ /^piste_/ { print $3 }')" ""
check_match "libpiste.so stays loaded" "$(readelf -d "$PISTE_BUILD/libpiste.so")" 'NODELETE'
check_is "libpiste.so needs libc alone" "$(readelf -d "$PISTE_BUILD/libpiste.so" | grep -c NEEDED)" 1
# shellcheck disable=SC2086 # a list
gcc -O2 -I"$ROOT/include" first.c second.c -o program $shared_piste
if have strace; then
	check_is "no thread, no signal handler, no timer" \
		"$(strace -f ./program 2>&1 | grep -Ec 'clone|rt_sigaction|timer_create')" 0
	check_match "strace saw libpiste" "$(strace -f ./program 2>&1)" 'memfd_create'
else
	skip "no thread, no signal handler, no timer" "strace is not installed"
fi
end
