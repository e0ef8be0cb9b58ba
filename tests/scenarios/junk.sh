#!/bin/bash
# Anything at all under well-formed names: who may write to one zone does not stop expiry and collection of both. What may be real, and
# damaged, does.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

junk() { # junk ZONE NAME
	mkdir -p "$(dirname "$1/sms/$2")"
	head -c 500 /dev/urandom >"$1/sms/$2"
}

put_back() {
	rm -rf az1 az2 state source
	cp -a base/. .
}

packs() {
	find az1/sms/packs -type f | wc -l
}

# Both the first snapshot and what only it needed.
forgets_on_time() {
	exits 3 agent run --json && json 'j["destroyed"] == 1 and j["deleted_packs"] > 0'
}
forgets_nothing_else() {
	exits 3 agent run --json && json 'j["deleted_packs"] == 0' && warns "no space is freed this time: the chain of"
}

backup="3 days" new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
for day in 21 22 23; do
	messages "$day" 1000 >source/messages.jsonl
	at "2026-11-${day}T02:00:00Z"
	check "the night of 2026-11-$day" exits 0 agent run
done
mkdir base
cp -a az1 az2 state source base
at 2026-11-24T03:00:00Z

chain=$(find az1/sms/index -mindepth 1 -type d -printf '%f\n')
some=$(printf '%064d' 7)
id=$(printf '%032d' 7)
while read -r what zones name; do
	put_back
	for zone in $zones; do junk "$zone" "$name"; done
	check "junk as $what in $zones: found" tells 4 "${name##*/}" verify check
	check "... and it stops nothing" forgets_on_time
	for zone in $zones; do rm "$zone/sms/$name"; done
	check "... removed, nothing is wrong" exits 0 verify check
	check "... and nothing was lost" exits 0 verify check --level data
done <<-END
	the-next-index az1 index/$chain/0000000000000004-$some
	a-checkpoint az2 index/$chain/0000000000000064-$some
	the-last-index-there-can-be az1 index/$chain/9999999999999999-$some
	an-index-of-a-number-that-is-taken az1 index/$chain/0000000000000002-$some
	a-new-header az1 snapshots/2026-11-24T020000Z-$id
	a-header-of-the-future az2 snapshots/2036-11-24T020000Z-$id
	a-header-between-others az1 snapshots/2026-11-22T100000Z-$id
	a-header-before-all az2 snapshots/2020-11-22T100000Z-$id
END

put_back
rm -rf state
junk az1 "index/$chain/0000000000000128-$some"
junk az1 "snapshots/2026-11-24T020000Z-$id"
check "nor does it with a catalogue that remembers nothing" forgets_on_time

# What is past its time, and was swept away with all that explained it, put back by who kept it: an old header with its seal, an old intent.
# Between it and the oldest that lives there are gaps, which prove nothing.
put_back
keep() { # keep SUBFOLDER...
	mkdir -p kept
	for folder; do cp -a "az1/sms/$folder" kept/; done
}
keep snapshots seals
rm -f kept/*/2026-11-2[23]*
for day in 24 25 26; do
	messages "$day" 1000 >source/messages.jsonl
	at "2026-11-${day}T03:00:00Z"
	check "the night of 2026-11-$day" exits 0 agent run
done
check "the first snapshots and what destroyed them are gone" not compgen -G 'az?/sms/intents/*'
cp -a kept/snapshots kept/seals az1/sms
messages 27 1000 >source/messages.jsonl
at 2026-11-27T03:00:00Z
check "an old header put back with its seal is destroyed again" exits '0|3' agent run --json
check "... and stops nothing" json 'j["destroyed"] >= 2 and j["deleted_packs"] > 0'
messages 28 1000 >source/messages.jsonl
at 2026-11-28T03:00:00Z
check "... nor does what destroyed it, later" exits 0 agent run --json
check "... and space is freed" json 'j["destroyed"] == 1 and j["deleted_packs"] > 0'

# A header beside the first that is within its time.
at 2026-11-29T03:00:00Z
junk az1 "snapshots/2026-11-26T040000Z-$id"
check "junk that might be older than the oldest, and within its time" exits 3 agent run --json
check "... stops nothing, since no signed seal goes with it" json 'j["deleted_packs"] > 0'
rm "az1/sms/snapshots/2026-11-26T040000Z-$id"
at 2026-11-24T03:00:00Z

# Under the name of the intent that a snapshot will need.
put_back
due=$(find az1/sms/snapshots -type f -printf '%f\n' | sort | head -n 1)
for zone in az1 az2; do junk "$zone" "intents/${due##*-}"; done
check "junk instead of an intent, in both zones" forgets_on_time
check "... is replaced by the intent before anything is destroyed, which is swept away in its time" exits 0 agent run
check "... and nothing is left of it" not compgen -G 'az?/sms/intents/*'

# In both zones it cannot be told from something real.
for name in "index/$chain/0000000000000009-$some" "snapshots/2026-11-24T020000Z-$id"; do
	put_back
	junk az1 "$name"
	junk az2 "$name"
	check "junk in both zones stops collection" forgets_nothing_else
	rm "az1/sms/$name"
	check "... until it is deleted in one" exits 3 agent run --json
	check "... then space is freed" json 'j["deleted_packs"] > 0'
done

# A real one, damaged where the other zone lacks it.
put_back
rm -rf state
name=snapshots/$(find az1/sms/snapshots -type f -printf '%f\n' | sort | tail -n 1)
rm "az2/sms/$name"
junk az1 "$name"
before=$(packs)
check "the newest header, damaged in one zone and lost in the other, catalogue too, stops collection" \
	exits 3 agent prune --json
check "... and says so" warns "no space is freed this time: the chain of"
check "... no pack is gone" test "$before" = "$(packs)"

# What only an expired snapshot needed, with something under the names of its marks.
put_back
for pack in az1/sms/packs/*/*; do junk az1 "condemned/${pack##*/}"; done
check "junk instead of marks" exits 3 agent run --json
sed -i 's/^grace: .*/grace: 1 hours/' "$config"
put_back
for pack in az1/sms/packs/*/*; do junk az1 "condemned/${pack##*/}"; done
check "junk instead of marks is no mark" exits 3 agent run --json
check "... so nothing is deleted at once" json 'j["destroyed"] == 1 and j["deleted_packs"] == 0 and j["condemned_packs"] > 0'
at 2026-11-24T05:00:00Z
check "... and keeps nothing: the right marks took its place" exits 3 agent run --json
check "... and the grace is over" json 'j["deleted_packs"] > 0'

# The same with a pruner's key: marks whose grace would never be over.
at 2026-11-24T03:00:00Z
put_back
/usr/bin/python3 "$SRC/tests/tools/thief.py" --zone az1 --dataset sms --key keys/pruner.key keep
check "marks that begin at the end of time are none" exits 3 agent run --json
check "... and are told" warns "which is still to come"
at 2026-11-24T05:00:00Z
check "... the right ones took their place" exits 3 agent run --json
check "... and the grace is over" json 'j["deleted_packs"] > 0'
finish
