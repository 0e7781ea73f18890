#!/bin/sh
# What every command line of piste keeps: help, version, exit statuses, where it writes.
. "$(dirname "$0")/../tap.sh"

check_match "--version" "$("$PISTE" --version)" '^piste [0-9]+\.[0-9]+\.[0-9]+$'
check_match "--help lists commands" "$("$PISTE" --help)" '^Commands:$'
check_status "no command is bad usage" 2 "$PISTE"
check_status "an unknown command is bad usage" 2 "$PISTE" xyzzy
check_is "mistakes go to stderr alone" "$("$PISTE" xyzzy 2>/dev/null)" ""
check_match "a mistake names the thing" "$("$PISTE" xyzzy 2>&1)" 'unknown command xyzzy'
check_is "no colour outside a terminal" "$("$PISTE" xyzzy 2>&1 | grep -c "$(printf '\033')")" 0
check_status "an unwritable stdout is a failure" 1 sh -c '"$PISTE" --help >/dev/full'

for command in $("$PISTE" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'); do
	check_match "$command --help" "$("$PISTE" "$command" --help)" "^usage: piste $command"
	check_is "help $command is the same" "$("$PISTE" help "$command")" "$("$PISTE" "$command" --help)"
	check_status "$command with an unknown option is bad usage" 2 "$PISTE" "$command" --no-such-option
	short=$(echo "$command" | cut -c 2-)
	check_match "$short is near $command" "$("$PISTE" "$short" 2>&1)" "did you mean piste [a-z0-9]+\?"
done
end
