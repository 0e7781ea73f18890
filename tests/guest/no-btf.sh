#!/bin/sh
# hide: /sys/kernel/btf
# A kernel that does not tell its types.
. "$(dirname "$0")/../tap.sh"

check_status "no types" 1 test -e /sys/kernel/btf/vmlinux
end
