# ring - what a record of a system call's entry and of its exit adds to a bare
# getppid: in our ring, in BPF ring buffers of a CPU each, in a tracefs instance.
# The floor is empty programs in the same places.
# shellcheck shell=bash disable=SC2154 # sourced by run.sh after harness.sh

measure_ring() {
	local out bare floor ring ringbuf tracefs

	[ "$(id -u)" = 0 ] || {
		failed ring "needs root"
		return 0
	}
	program ring b-ring.c -- -Isrc -DPISTE_VERSION='""' src/kern/load.c src/kern/ring.c \
		src/kern/rights.c src/bpf/*.c src/base/*.c -lbpf
	out=$("$WORK/ring" "$ROUNDS")
	bare=$(field bare_ns <<<"$out")
	floor=$(compute "$(field empty_ns <<<"$out") - $bare")
	ring=$(compute "$(field ring_ns <<<"$out") - $bare")
	ringbuf=$(compute "$(field ringbuf_ns <<<"$out") - $bare")
	tracefs=$(compute "$(field tracefs_ns <<<"$out") - $bare")
	[ "$(field ring_lost <<<"$out")" = 0 ] || failed ring "records were lost"
	row ring-ringbuf "24 B at entry and exit" ns "BPF ring buffer" "$ringbuf" "$floor" "$ring" \
		"<= 250 ns, none lost" "$ring" 250 "added to a getppid of $bare ns"
	row ring-tracefs "24 B at entry and exit" ns "tracefs ring" "$tracefs" "$floor" "$ring" \
		"" "" "" "tracefs: overwriting, without a reader"
}
