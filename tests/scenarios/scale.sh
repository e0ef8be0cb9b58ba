#!/bin/bash
# The metadata of 10,000 files in 110,000 chunks, through the programs themselves: bench/scale/ghost.h. What large datasets
# cost (docs/SCALE.md) is measured with the same programs on up to a thousand times as much.
set -u
. "$SRC/tests/scenarios/lib.sh"

files=10000 limit=$((128 * 1024)) # KiB
NIGHTFOLD_BIN=$NIGHTFOLD_BIN/scale
source=$TMPDIR/source
mkdir "$source"

# shape NIGHT: one of 10 files is large, with 100 chunks of 512 KiB; one of 5 folders has other files every night
shape() { echo "$files 10 100 524288 $1 5" >"$source/shape"; }

# fits PROGRAM...: it succeeds within the limit
fits() {
	local program=$1 peak
	shift
	exits 0 "$SRC/tests/tools/peak_memory.py" "$TMPDIR/peak" "$NIGHTFOLD_BIN/nightfold-$program" "$@" \
		--config "$config" || return 1
	peak=$(cat "$TMPDIR/peak")
	[ "$peak" -le "$limit" ] || explain "$peak KiB of anonymous memory, the limit is $limit"
}

# What bench/scale/source.c makes up, in the order of paths.
paths() {
	echo
	local folders=$((files / 1000))
	for ((n = 0; n < folders; n++)); do
		printf 'box-%07d\n' "$n"
		seq -f "$(printf 'box-%07d' "$n")/message-%09.0f" $((n * 1000)) $((n * 1000 + 999))
	done
}

same_listing() {
	/usr/bin/python3 -c 'import json, sys; [print(e["path"]) for e in json.load(sys.stdin)]' <"$TMPDIR/out" |
		cmp - "$TMPDIR/paths"
}

new_place "$TMPDIR/place"
add_dataset sms "$source"
paths >"$TMPDIR/paths"

at 2026-11-21T02:00:00Z
shape 0
check "a first night fits into memory" fits agent run --json
check "and stores more chunks than ten a file" json 'j["files"] == 10000 and 100000 < j["new_chunks"] < 120000'
chunks=$(value 'j["new_chunks"]')

at 2026-11-22T02:00:00Z
check "an unchanged night fits into memory" fits agent run --json
check "and stores nothing" json 'j["new_chunks"] == 0 and j["unchanged_files"] == 10000 and j["packs"] == 0'

check "the catalogue is made anew from a zone" fits agent rebuild --json
check "with all chunks" json "j['chunks'] == $chunks"
check "what was put is what is read back" fits restore ls sms@latest --json
check "each path of it" same_listing
check "a check finds each pack" fits verify check --level list

at 2026-11-23T02:00:00Z
shape 2
check "a night with new folders fits into memory" fits agent run --json
check "and stores their chunks alone" json "0 < j['new_chunks'] < $chunks / 2"

at 2027-02-22T03:00:00Z
check "the end of two snapshots fits into memory" fits agent prune --json
check "and both are destroyed" json 'j["destroyed"] == 2'
check "what is left is whole" fits verify check --level list

finish
