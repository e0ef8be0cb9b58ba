#!/bin/bash
# slow
# However much data there is, whatever its chunks, its level and the number of processors: 128 MiB of anonymous memory at
# most.
set -u
. "$SRC/tests/scenarios/lib.sh"

limit=$((128 * 1024)) # KiB

"${CC:-cc}" -std=c17 -D_GNU_SOURCE -O2 -shared -fPIC -o "$TMPDIR/processors.so" "$SRC/tests/tools/processors.c" ||
	give_up "processors.c does not compile"

# fits COMMAND...: it succeeds, on a machine of many processors, within the limit
fits() {
	local program=$1 peak
	shift
	exits 0 env LD_PRELOAD="$TMPDIR/processors.so" PROCESSORS=32 "$SRC/tests/tools/peak_memory.py" "$TMPDIR/peak" \
		"$NIGHTFOLD_BIN/nightfold-$program" "$@" --config "$config" || return 1
	peak=$(cat "$TMPDIR/peak")
	echo "# $program $1: $((peak / 1024)) MiB"
	[ "$peak" -le "$limit" ] || explain "$peak KiB of anonymous memory, the limit is $limit"
}

# both_ways NAME: a night, a check of its data, a restore, an expiry of what the next night has no more
both_ways() {
	at 2026-11-21T02:00:00Z
	check "$1: a night stays within 128 MiB" fits agent run
	check "$1: so does a check of its data" fits verify check --level data
	check "$1: so does a restore" fits restore restore "data@latest" --to "$TMPDIR/target"
	check "$1: which gives back what was there" diff -r "$source" "$TMPDIR/target"
	rm -rf "$TMPDIR/target"
	find "$source" -type f -name '*[02468]*' -delete
	at 2026-11-22T02:00:00Z
	check "$1: and a night that finds half of it gone" fits agent run
	at 2027-02-21T03:00:00Z
	check "$1: and the expiry of the first" fits agent prune
}

# ---- chunks as they are by default; then the largest, at the highest level ----

# mixed MIB: what shrinks, what does not, and what repeats at a distance (long chunks without a cut)
mixed() {
	source=$TMPDIR/source
	rm -rf "$source"
	mkdir "$source"
	for n in 1 2 3 4; do
		head -c "$(($1 << 18))" /dev/urandom >"$source/random-$n"
		messages "$n" 2000 | head -c 262144 >"$TMPDIR/part"
		for _ in $(seq "$1"); do cat "$TMPDIR/part"; done >"$source/messages-$n"
		head -c 786432 /dev/urandom >"$TMPDIR/part"
		for _ in $(seq $(($1 / 2))); do cat "$TMPDIR/part"; done >"$source/repeated-$n"
	done
}

mixed 256
new_place "$TMPDIR/default"
add_dataset data "$source"
both_ways "default chunks"

mixed 32
new_place "$TMPDIR/large"
add_dataset data "$source" "chunk: 4 MiB" "compression: 19"
both_ways "chunks of 4 MiB at level 19"

mixed 64
new_place "$TMPDIR/small"
add_dataset data "$source" "chunk: 16 KiB" "compression: 9"
both_ways "chunks of 16 KiB at level 9"

# ---- many files ----

source=$TMPDIR/many
rm -rf "$TMPDIR"/{default,large,small,source}
/usr/bin/python3 - "$source" 300000 <<'PYTHON'
import os, sys
for n in range(int(sys.argv[2])):
    folder = f"{sys.argv[1]}/{n // 1000:03}"
    if n % 1000 == 0:
        os.makedirs(folder)
    with open(f"{folder}/message-{n}.txt", "w") as out:
        out.write(f"message {n} of many\n" * (1 + n % 7))
PYTHON
new_place "$TMPDIR/files"
add_dataset data "$source"
both_ways "300,000 files"

finish
