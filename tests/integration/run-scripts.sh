#!/bin/sh
# Every script of scripts/ is documented, and runs; those that must see something do.
. "$(dirname "$0")/../tap.sh"

for script in "$ROOT"/scripts/*.bt; do
	name=$(basename "$script" .bt)
	check "$name: says what it is, how to run it, and what it costs" \
		sh -c "head -1 '$script' | grep -q '^// $name: ' && grep -q '# piste run $name' '$script' && grep -q '^// Cost: ' '$script'"
done

if ! "$PISTE" run -q -e 'BEGIN { exit(); }' >/dev/null 2>err && grep -q 'CAP_BPF' err; then
	skip "scripts in the kernel" "BPF programs need rights"
	end
fi

work='sh -c "ls -l / >/dev/null; cat /etc/hostname /nothing; sleep 0.1; (sleep 0.05); kill -0 $$"'
for script in "$ROOT"/scripts/*.bt; do
	name=$(basename "$script" .bt)
	timeout 20 "$PISTE" run -c "$work" "$script" >out 2>err
	status=$?
	[ $status = 0 ] || cat err
	check_is "$name: runs" $status 0
	case $name in
	syscount | sysproc | syslat | execsnoop | exitsnoop | opensnoop | openerr | runqlat | switches | faults | readsize | lifespan)
		check "$name: sees something" test "$(grep -c . out)" -gt 1
		;;
	esac
done
end
