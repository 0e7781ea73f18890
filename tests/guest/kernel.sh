#!/bin/sh
# Where the guest tests run: another kernel, with what this machine's lacks.
. "$(dirname "$0")/../tap.sh"

check_match "Debian's kernel" "$(uname -r)" '^6\.1\.'
check "its types are there" test -s /sys/kernel/btf/vmlinux
check_match "piste runs" "$("$PISTE" --version)" '^piste '
check "functions can be traced" grep -q ' vfs_read$' /proc/kallsyms
end
