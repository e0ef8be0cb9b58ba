#!/bin/bash
# Zones can be checked, and snapshots destroyed on time, on a machine that holds nothing but a pruner's signing key and public keys. Who
# steals that key, and credentials that can delete everything in one zone, gets nobody to destroy anything.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

grace="24 hours"
new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB"

# The second machine: a pruner's key, public keys, and the same two zones.
mkdir -p pruner/keys
keys init --dir pruner/keys --role pruner >/dev/null
cp place/keys/agent.pub place/keys/operator.pub place/keys/validator.pub pruner/keys/
cp pruner/keys/pruner.pub place/keys/pruner.pub
rm -f place/keys/pruner.key
grep -v '^operator_key:\|^validator_key:' "$config" |
	sed "s|^agent_key:.*|pruner_key: $TMPDIR/pruner/keys/pruner.key|; s|$TMPDIR/place/keys/|$TMPDIR/pruner/keys/|; s|^state:.*|state: $TMPDIR/pruner/state|" \
		>pruner/nightfold.yaml
on_pruner() {
	local config=$TMPDIR/pruner/nightfold.yaml
	"$@"
}

night() { # night DAY: a snapshot of changed data; what it was is kept beside
	messages "${1//-/}" 3000 >"source/$1.jsonl"
	find source -name '*.jsonl' | sort | head -n -2 | xargs -r rm
	rm -rf "was-$1"
	cp -a source "was-$1"
	at "$1T02:00:00Z"
	exits "${2:-0}" agent run --json
}

mkdir source
for day in 2026-11-20 2026-11-21 2026-11-22; do
	check "the night of $day" night $day
done

# ---- checking ----

names_are_hashes() {
	(cd "$1" && find . -type f | sed 's|\(.*/\)\([0-9a-f]*\)$|\2  \1\2|' | tee /dev/stderr | sha256sum --check --status) 2>packs &&
		[ -s packs ]
}
for zone in az1 az2; do
	check "sha256sum over the packs of $zone gives their names" names_are_hashes place/$zone/sms/packs
done
check "the pruner's machine has no key that reads or makes snapshots" eval '[ "$(ls pruner/keys/*.key)" = pruner/keys/pruner.key ]'
check "it checks every object of both zones" exits 0 on_pruner verify check --level fingerprint --json
check "it read them all" json "j['packs'] == $(find place/az?/sms/packs -type f | wc -l)"
check "it needs no agent's state for that" test ! -e pruner/state/sms/catalog
pack=$(find place/az2/sms/packs -type f | sort | head -n 1)
cp "$pack" intact
printf 'X' | dd of="$pack" bs=1 seek=3000 conv=notrunc status=none
check "a byte flips in ams-2: found" exits 4 on_pruner verify check --level fingerprint
check "and named" warns "${pack##*/}"
check "and healed from the other zone" exits 0 on_pruner verify check --level fingerprint --repair
check "byte for byte" cmp "$pack" intact
check "what opens snapshots is refused there" not on_pruner verify check --level data

# ---- expiry and collection ----

at 2027-02-20T02:00:00Z
check "a dry run on the pruner's machine prints the plan" exits 0 on_pruner agent prune --dry-run
check "which is the oldest snapshot" warns "2026-11-20T02:00:00Z"
check "and does nothing" eval '[ "$(ls place/az1/sms/seals | wc -l)" = 3 ]'
check "the pruner's machine destroys it" exits 0 on_pruner agent prune --json
check "it and no other" json 'j["destroyed"] == 1'
check "its seal is gone from both zones" eval '[ "$(ls place/az1/sms/seals | wc -l) $(ls place/az2/sms/seals | wc -l)" = "2 2" ]'
check "its packs are condemned, and wait" json 'j["condemned_packs"] > 0 and j["deleted_packs"] == 0'
check "the certificate is there" eval 'grep -q "2026-11-20T02:00:00Z" pruner/state/certificates/*'
at 2027-02-20T20:00:00Z
check "before the grace is over nothing is deleted" exits 0 on_pruner agent prune --json
check "nothing at all" json 'j["deleted_packs"] == 0'
at 2027-02-21T01:59:00Z
check "still not" exits 0 on_pruner agent prune --json
check "nothing at all, again" json 'j["deleted_packs"] == 0'
at 2027-02-21T02:01:00Z
check "a day after, packs that nothing reaches are deleted, and the next snapshot is due" exits 0 on_pruner agent prune --json
check "in numbers" json 'j["deleted_packs"] > 0 and j["freed_bytes"] > 0 and j["destroyed"] == 1'
check "both zones are whole, by the agent's own reckoning" exits 0 verify check --level data
check "the agent, who did not do it, goes on" night 2027-02-21
check "and the next night too" night 2027-02-22
check "the last snapshot of November is gone, that was due meanwhile" eval 'restore list sms | not grep 2026-11-22'

# ---- the thief ----

check "a third night" night 2027-02-23
list() { (cd "place/$1/sms" && find seals snapshots packs -type f | sort); }
thief() { "$SRC/tests/tools/thief.py" --zone "place/$1" --dataset sms --key pruner/keys/pruner.key "${@:2}"; }
all_come_back() { # from both zones together, whatever is missing in one
	local day
	for day in 2027-02-21 2027-02-22 2027-02-23; do
		rm -rf back
		exits '0|3' restore restore "sms@$day" --to back && compare "was-$day" back || return
	done
}
list az1 >az1-before
list az2 >az2-before
nothing_lost() { # in the other zone nothing is ever touched
	list az2 | comm -13 - az2-before | sed 's/^/# destroyed in ams-2: /' | tee lost
	[ ! -s lost ]
}

check "the thief writes intents and withdrawals for all live snapshots, and old marks on all packs" thief az1 intents withdraw condemn
at 2027-02-23T12:00:00Z
for who in on_pruner ''; do
	check "a prune ${who:+on the pruner\'s machine }does not act on them" exits '3' $who agent prune --json
	check "it destroyed nothing${who:+ there}" json 'j["destroyed"] == 0 and j["deleted_packs"] == 0'
	check "it reports the intents${who:+ there}" json 'sum(f["kind"] == "refused" and "intents/" in (f["object"] or "") for f in j["findings"]) >= 3'
done
check "a sync does not act on them" exits 3 agent sync
check "everything is there, in both zones" eval 'list az1 | comm -13 - az1-before | not grep . && nothing_lost'
check "all snapshots come back" all_come_back

check "the thief deletes what can be deleted in one zone" thief az1 delete
at 2027-02-23T13:00:00Z
check "all snapshots come back meanwhile" all_come_back
check "a check finds it" exits 4 verify check
check "a prune on the pruner's machine destroys nothing" exits '3' on_pruner agent prune --json
check "really nothing" json 'j["destroyed"] == 0 and j["deleted_packs"] == 0'
check "a check with repair heals the zone from the other" exits '0|3' verify check --repair
check "everything is there again" eval 'list az1 | comm -13 - az1-before | not grep . && nothing_lost'

check "the thief wipes the zone, with all that told of it" thief az1 wipe
at 2027-02-24T01:00:00Z
check "a prune on the pruner's machine destroys nothing in the other" exits '0|3' on_pruner agent prune --json
check "nothing, it says" json 'j["destroyed"] == 0 and j["deleted_packs"] == 0'
check "the next night of the agent brings everything back" night 2027-02-24 '0|3'
check "everything is there again, in both zones" eval 'list az1 | comm -13 - az1-before | not grep . && nothing_lost'
# What the thief signed stays in the chain of that key, and is told of, until the operator removes it: so not 0, but 3.
check "and is whole" exits 3 verify check --level data --json
check "nothing is wrong but the withdrawals, which are refused" json 'all(f["kind"] == "refused" for f in j["findings"])'
check "all snapshots are what they were" all_come_back
for zone in ams-1 ams-2; do
	check "the newest comes back from $zone alone" eval \
		'rm -rf back; exits 0 restore restore sms@latest --to back --zone $zone && compare was-2027-02-24 back'
done

# At the worst time: while the other zone is away.
mv place/az2 place/away
check "the zone is wiped once more, while the other is away" thief az1 wipe
check "the night goes on with what there is, and says that the zone has lost something" night 2027-02-25 3
check "in these words" json 'any(f["kind"] == "rolled-back" and f["zone"] == "ams-1" for f in j["findings"])'
mv place/away place/az2
check "the other is back: the next night brings together what belongs together" night 2027-02-26 '0|3'
check "everything is there, in both zones" eval 'list az1 | comm -13 - az1-before | not grep . && nothing_lost'
check "and is whole" exits 3 verify check --level data --json
check "nothing is wrong but the withdrawals" json 'all(f["kind"] == "refused" for f in j["findings"])'
check "all snapshots come back" all_come_back

check "the thief claims the zone with a lease that never ends" thief az1 lease
at 2027-02-27T01:00:00Z
check "the night runs all the same, and says so" night 2027-02-27 3
check "into both zones" json 'len(j["zones"]) == 2'

# Whoever signs with another key is nobody.
keys init --dir stranger --role pruner >/dev/null
check "a stranger writes intents" "$SRC/tests/tools/thief.py" --zone place/az1 --dataset sms --key stranger/pruner.key intents condemn
check "they are ignored as forged" exits 4 verify check
check "and nothing is lost" all_come_back
finish
