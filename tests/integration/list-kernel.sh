#!/bin/sh
# piste list: events of the kernel, as tracefs and the tables have them.
. "$(dirname "$0")/../tap.sh"
need jq

# tracepoints by name are root's
"$PISTE" list 'kmem:kmalloc' >said 2>&1 || grep -q 'no event is named' said || fail "piste list" "$(cat said)"
if [ "$(id -u)" != 0 ] || ! grep -q '^kernel' said; then
	echo "1..0 # SKIP tracepoints by name need root, and a kernel with tracefs"
	exit 0
fi

mounts=$(grep -c . /proc/self/mountinfo)
check_match "a title" "$(cat said)" "^kernel $(uname -r): 1 event\$"
check_match "fields with types" "$(cat said)" '^  kmem:kmalloc \{.*bytes_req: uint64, bytes_alloc: uint64'
long=$("$PISTE" list --long kmem:kmalloc)
check_match "--long: the C type" "$long" '^      bytes_req: uint64 \(size_t\)$'
check_match "--long: an address that is a symbol" "$long" '^      call_site: uint64 \(unsigned long\), symbol$'
check_match "--long: flags by name" "$long" 'flags \{.*GFP_KERNEL = 0xcc0'
check_match "an event without its provider" "$("$PISTE" list kmalloc)" '^  kmem:kmalloc '
check_match "k: in front" "$("$PISTE" list k:kmem:kmalloc)" '^  kmem:kmalloc '
check_status "u: is not the kernel" 1 "$PISTE" list u:kmem:kmalloc
check_is "excluded" "$("$PISTE" list 'kmem:kmalloc' 'kmem:kfree' '!kfree' | grep -c '^  ')" 1
check_status "a name that is not there fails" 1 "$PISTE" list kmem:kmaloc
check_match "... and the nearest is told" "$("$PISTE" list kmem:kmaloc 2>&1)" 'did you mean kmem:kmalloc\?'

# every tracepoint that the kernel would let us switch on
"$PISTE" list --json 'k:*' >all.json
check "all of them, as JSON" jq -e '.kernel.events | length > 500' all.json
check "names are unique" jq -e '[.kernel.events[].name] | length == (unique | length)' all.json
check "fields of an event have different names" \
	jq -e 'all(.kernel.events[]; [.fields[].name] | length == (unique | length))' all.json
check "values by name" jq -e 'any(.kernel.events[].fields[]; .values != null)' all.json
check_is "no tracefs was mounted" "$(grep -c . /proc/self/mountinfo)" "$mounts"

if [ -r /sys/kernel/btf/vmlinux ]; then
	check_match "functions" "$("$PISTE" list 'kfunc:vfs_*')" '^  kfunc:vfs_read\(struct file \*file, char \*buf, size_t count, loff_t \*pos\): ssize_t$'
	check_is "... only when asked for" "$("$PISTE" list 'k:*' | grep -c kfunc:)" 0
else
	skip "functions" "this kernel does not tell its types"
fi

if command -v setpriv >/dev/null; then
	said=$(setpriv --reuid 65534 --clear-groups "$PISTE" list 'kmem:kmalloc' 2>&1)
	check_match "without rights, what is missing" "$said" 'need CAP_SYS_ADMIN: run as root'
else
	skip "without rights" "setpriv is not installed"
fi
end
