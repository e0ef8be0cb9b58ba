#!/bin/bash
# Exact forgetting: when a snapshot is destroyed, what only it could reach opens for nobody any more, in any copy of the packs and with
# every key there is; and everything that other snapshots share with it still does.
# shellcheck disable=SC2016,SC2034 # what `eval` and ${!night} get is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB"
zone1=place/az1 zone2=place/az2

# Large files, small ones that share chunks, and changes of every kind from night to night.
mkdir -p source/small source/gone
messages 1 4000 >source/stays.jsonl
messages 2 4000 >source/deleted.jsonl
messages 3 8000 >source/changes.jsonl
messages 4 200 | split -l 2 - source/small/
messages 5 60 | split -l 2 - source/gone/
head -c 300000 /dev/urandom >source/gone/random
at 2026-11-21T02:00:00Z
check "night A" exits 0 agent run --json
A=$(value 'j["snapshot"]')

rm -r source/deleted.jsonl source/gone source/small/aa
sed -i '4000s/.*/{"edited": true}/' source/changes.jsonl
echo new >source/small/new
at 2026-11-22T02:00:00Z
check "night B, after files were deleted, edited and added" exits 0 agent run --json
B=$(value 'j["snapshot"]')

messages 6 3000 >>source/changes.jsonl
chmod 600 source/stays.jsonl
at 2026-11-23T02:00:00Z
check "night C, after a file grew and one got another mode" exits 0 agent run --json
C=$(value 'j["snapshot"]')

# What each snapshot reaches, from its own seal, while it lives. The validator's key says the same as the operator's.
reached() {
	"$SRC/tests/tools/chunk_keys.py" reached --zone $zone1 --dataset sms --key "place/keys/${2:-operator}.key" --snapshot "$1"
}
for night in A B C; do
	reached "${!night}" >$night.keys
	cut -d' ' -f1 $night.keys | sort >$night
done
check "the validator reaches what the operator reaches" cmp A.keys <(reached "$A" validator)
sort -u B C >live
comm -23 A live >only-A
comm -12 A live >shared
kinds_of_A() { grep -F -f only-A A.keys | cut -d' ' -f3 | sort -u | tr '\n' ' '; }
check "only night A has some content, and some nodes" test "$(kinds_of_A)" = "content node "
check "it shares much with the others" test "$(wc -l <shared)" -gt 20

# A thief copies all packs of both zones, today.
cp -a $zone1/sms/packs copy1
cp -a $zone2/sms/packs copy2
cp -a $zone1/sms/seals seals-copy
cp -a $zone1/sms/snapshots headers-copy

# Every key that any seal leads to, operator's or validator's, is tried on every blob, whatever its id.
try_everything() {
	reader --zone $zone1 --zone $zone2 --dataset sms --key place/keys/operator.key --key place/keys/validator.key \
		--packs copy1 --packs copy2 --all-reachable --exhaustive >blobs.jsonl || return
	/usr/bin/python3 - <<-'PYTHON'
		import json
		rows = [json.loads(line) for line in open("blobs.jsonl")]
		for name, wanted in (("opens", True), ("closed", False)):
		    with open(name, "w") as out:
		        out.writelines(row["id"] + "\n" for row in rows if row["opens"] is wanted)
	PYTHON
}
check "while A lives, the operator's and the validator's keys are tried" try_everything
check "every blob of the copies opens" eval 'sort -u A live | cmp - opens && [ ! -s closed ]'

# One snapshot's seal does not open another: each says inside whose it is, and the header says which seal is its own.
swap_seal() { # swap_seal GENERATION: B's, under A's name, in both zones
	local zone
	for zone in $zone1 $zone2; do
		cp "$zone/sms/seals/$B.1" "$zone/sms/seals/$A.$1"
	done
}
swap_seal 1
check "A with B's seal under its name is refused" exits 4 restore restore "sms@${A:0:12}" --to swapped
check "the message says what is wrong" warns "seal"
check "nothing was restored" eval '[ ! -e swapped ] || [ -z "$(ls swapped)" ]'
check "a reader by the book refuses it too" not reader --zone $zone1 --dataset sms --key place/keys/operator.key \
	--signer place/keys/agent.pub --snapshot "$A" --to swapped-reader
check "it is found by a check without keys" exits 4 verify check
for zone in $zone1 $zone2; do cp "seals-copy/$A.1" "$zone/sms/seals/"; done
swap_seal 2
check "under the name of a newer generation it is ignored: no operator signed it" exits 3 restore restore "sms@${A:0:12}" --to again
check "and A is restored by its own seal" test -s again/deleted.jsonl
rm "$zone1/sms/seals/$A.2" "$zone2/sms/seals/$A.2"

# Three months after night A.
at 2027-02-21T02:00:00Z
check "a prune destroys A, and nothing else" exits 0 agent prune --json
check "it says so" json 'j["destroyed"] == 1'
check "no zone holds a seal of it" eval '[ -z "$(find $zone1 $zone2 -path "*/seals/$A*")" ]'
check "its destruction is certified" eval 'grep -q "$A" place/state/certificates/*'
check "all seals that are left, and both keys, are tried on the copies from before" try_everything
check "what opens is exactly what the live snapshots reach" cmp live opens
check "what stays closed is exactly what only A had" cmp only-A closed
check "what is left of it in packs that others share is closed as well" eval \
	'! reader --zone $zone1 --dataset sms --key place/keys/operator.key --all-reachable | grep -F -f only-A | grep -q true'

# The thief brings A's header back, with B's seal for it: the packs of the copies are of no use.
for zone in $zone1 $zone2; do
	cp headers-copy/*"$A" "$zone/sms/snapshots/"
done
cp -a copy1/. $zone1/sms/packs/
swap_seal 1
check "A does not come back with B's seal" not restore restore "sms@${A:0:12}" --to back
check "nothing of it was restored" eval '[ ! -e back/deleted.jsonl ]'
# It may say (3) that packs came back which had been withdrawn.
check "the next run destroys what was brought back" exits '0|3' agent run --json
check "A is gone again" eval '[ -z "$(find $zone1 $zone2 -path "*$A*" -not -path "*/intents/*")" ]'
for night in B C; do
	check "$night is whole" exits 0 restore restore "sms@${!night}" --to "restored-$night"
done
check "and what was never changed is there" cmp source/stays.jsonl restored-B/stays.jsonl
finish
