#!/bin/sh
# The stages of the compiler, held against golden files. No rights are needed.
case $(uname -m) in
x86_64) exec "$(dirname "$0")/../lang/golden" "${PISTE_BUILD:-$(dirname "$0")/../../build}/piste" ;;
*) echo "1..0 # SKIP the golden files are of x86-64" ;;
esac
