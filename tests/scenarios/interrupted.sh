#!/bin/bash
# slow
# Interrupted at every moment: whatever ends a program just before any change that it makes to a disk, every earlier
# snapshot can be restored, nothing is half committed, and the next run goes on without sending again what both zones
# hold.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
# shellcheck source=tests/scenarios/lib-moments.sh
. "$SRC/tests/scenarios/lib-moments.sh"
cd "$TMPDIR" || exit 1

step=${STEP:-1} # larger to look around, not to be sure
three_nights
keep
after=(agent run)
sweep "a run that is killed" kill / "$step" 137 "" agent run
sweep "a run that is asked to stop" term / $((12 * step)) 1 "interrupted" agent run
sweep "a run that somebody interrupts" int / $((13 * step)) 1 "interrupted" agent run
sweep "rebuild, killed" kill / $((5 * step)) 137 "" agent rebuild
sweep "rotate, killed" kill / "$step" 137 "" keys rotate --dataset sms --keys-dir keys
after=(keys reseal --config "$config")
sweep "reseal, killed" kill / $((3 * step)) 137 "" keys reseal --config "$config"

rm -rf az2.away
mv az2 az2.away
check "a night in one zone" exits 3 quick agent run
mv az2.away az2
keep
after=(agent sync)
sweep "sync, killed" kill / $((4 * step)) 137 "" agent sync

# ---- pruning ----

# Packs that are dead are deleted, and what is still needed of one that is nearly dead moves to a new one.
rm -rf state az1 az2 keys source earlier
compacted=yes
three_nights
keep
check "prune deletes packs and compacts one" exits 0 quick agent prune --json
check "namely" json 'j["destroyed"] == 2 and j["deleted_packs"] > 0 and j["compacted_packs"] > 0'
moved=yes # compacting puts chunks into new packs
after=(agent prune)
sweep "prune, killed" kill / $((2 * step)) 137 "" agent prune
sweep "prune on full disks" full / $((5 * step)) '1|3' "No space left on device" agent prune

# ---- large nights ----

# Killed at any time, with the disk as slow as it is: each attempt goes on where both zones are.
rm -rf state az1 az2 keys source earlier complaints
mkdir complaints
new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
messages 1 1000 >source/messages.jsonl
at 2026-11-28T02:00:00Z
check "a small night" exits 0 agent run
cp -a source earlier
killed=0 night=0
attachment 30000000 0
for ((moment = 1; killed < 30 && moment <= 300; moment++)); do
	at "2026-11-29T02:$(printf '%02d:%02d' $((moment / 60)) $((moment % 60)))Z"
	uploads note sms held az1 az2
	if (
		timeout -s KILL "$(printf '0.%03d' $((20 + RANDOM % 200)))" \
			"$NIGHTFOLD_BIN/nightfold-agent" run --config "$config"
		exit $?
	) >last 2>&1; then
		attachment 30000000 $((++night % 4))
		continue
	fi
	killed=$((killed + 1))
	uploads again sms held az1 az2 >last 2>&1 || complain again "something was sent twice"
	[ $((killed % 5)) = 0 ] || continue
	nothing_is_damaged
	earlier_is_restored
done
check "a run with 30 MB to send, killed $killed times at any moment" test "$killed" = 30
check "... nothing is damaged, or half committed" holds damage
check "... an earlier snapshot can be restored from each zone alone" holds earlier
check "... nothing is sent again that both zones held" holds again
check "... the next run ends well" exits 0 agent run
check "... nothing is wrong in any zone" exits 0 verify check
every_seal_has_its_header
check "... no seal outlives its snapshot" holds seals
check "... the source is there" exits 0 restore restore sms@latest --to restored-at-last
check "... as it is" diff -rq source restored-at-last
finish
