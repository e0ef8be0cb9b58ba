#!/bin/bash
# slow
# The agent, check and restore under valgrind: two nights, damage and repair, expiry. No error, no leak. Its 3.19 answers ENOSYS to
# openat2 and Landlock: restore then resolves names component by component, as on an old kernel.
set -u
. "$SRC/tests/scenarios/lib.sh"

# Ends with 99 on a memory error or a leak.
careful() {
	valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
		--suppressions="$SRC/tests/valgrind.supp" "$@"
}

if ! command -v valgrind >/dev/null; then
	skip "the programs are clean under valgrind" "no valgrind here"
	finish
	exit
fi

place=$TMPDIR/place
new_place "$place"
mkdir -p "$place/data/many"
for i in $(seq 300); do printf 'message %d\n' "$i" >"$place/data/many/$i"; done
head -c 3000000 /dev/urandom >"$place/data/large"
truncate -s 1M "$place/data/hole"
ln "$place/data/large" "$place/data/linked"
ln -s large "$place/data/link"
add_dataset sms "$place/data"

at 2026-11-21T02:00:00Z
check "a first night is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-agent" run --config "$config"
rm "$place/data/many/7" && echo new >"$place/data/many/new"
at 2026-11-22T02:00:00Z
check "a second night is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-agent" run --config "$config"
check "status is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-agent" status --config "$config"
check "a check of fingerprints is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-verify" check --config "$config"
check "a check of data is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-verify" check --level data --config "$config"
pack=$(find "$place/az1/sms/packs" -type f | sort | head -n 1)
printf 'X' | dd of="$pack" bs=1 seek=100 conv=notrunc status=none
check "a check that finds damage is clean" exits 4 careful "$NIGHTFOLD_BIN/nightfold-verify" check --config "$config"
check "a repair is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-verify" check --repair --config "$config"

check "a restore is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-restore" restore sms@latest --to "$place/out" --config "$config"
check "and gives back what was there" compare "$place/data" "$place/out"
check "ls is clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-restore" ls sms@latest --config "$config"

at 2027-02-21T02:00:00Z
check "expiry and collection are clean" exits 0 careful "$NIGHTFOLD_BIN/nightfold-agent" prune --config "$config"
finish
