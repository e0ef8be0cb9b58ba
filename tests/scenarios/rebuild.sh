#!/bin/bash
# The state folder is a cache: when it is lost, the catalogue comes back from the zones (one is enough), the next night uploads no
# content again, and the same snapshots are destroyed at the same time.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB"
mkdir -p source/small
messages 1 8000 >source/large.jsonl
messages 2 500 | split -l 5 - source/small/
head -c 3000000 /dev/urandom >source/random
for day in 2026-11-20 2026-11-21 2026-11-22; do
	messages "${day//-/}" 500 >source/today.jsonl
	at ${day}T02:00:00Z
	check "the night of $day" exits 0 agent run --json
done

# What tells a pack of content from one of nodes stands in its footer.
content_packs() {
	PYTHONPATH=$SRC/tests /usr/bin/python3 - "$1" <<-'PYTHON'
		import pathlib, sys, reader
		for path in sorted(pathlib.Path(sys.argv[1]).glob("sms/packs/*/*")):
		    if reader.read_pack(path)[0].kind == reader.CONTENT:
		        print(path.name)
	PYTHON
}
content_packs place/az1 >packs-before
check "there are packs of content" test -s packs-before

# A twin that loses nothing, to compare with.
cp -a place twin
sed "s|$TMPDIR/place|$TMPDIR/twin|" "$config" >twin/nightfold.yaml
twin() {
	local config=$TMPDIR/twin/nightfold.yaml
	"$@"
}
check "the twin's catalogue" exits 0 twin agent rebuild --json
packs=$(value 'j["packs"]') chunks=$(value 'j["chunks"]')

rm -r place/state
check "the state folder is lost: rebuild makes the catalogue anew" exits 0 agent rebuild --json
check "it knows all snapshots" json 'j["snapshots"] == 3'
check "all packs and all chunks" json "j['packs'] == $packs and j['chunks'] == $chunks"
at 2026-11-23T02:00:00Z
check "the next night" exits 0 agent run --json
check "reads every file, as it must" json 'j["unchanged_files"] == 0 and j["read_files"] == j["files"]'
check "and has nothing to send" json 'j["new_chunks"] == 0 and j["new_bytes"] == 0 and j["packs"] == 0'
for zone in az1 az2; do
	check "no pack of content is new in $zone" eval "content_packs place/$zone | cmp - packs-before"
done
at 2026-11-24T02:00:00Z
check "the night after is as before: nothing is read" exits 0 agent run --json
check "really nothing" json 'j["read_files"] == 0'

# One zone is enough, and `run` does by itself what `rebuild` does.
rm -r place/state
mv place/az2 place/away
echo one more message >source/small/new
at 2026-11-25T02:00:00Z
check "state and one zone are lost: the night says that it is degraded" exits 3 agent run --json
check "and takes the new file" json 'j["zones"] == ["ams-1"] and 0 < j["new_bytes"] < 1000000'
check "of content, little more than that file" eval '[ "$(content_packs place/az1 | comm -13 packs-before - | wc -l)" = 1 ]'
mv place/away place/az2
at 2026-11-26T02:00:00Z
check "the zone is back: the next night catches it up" exits 0 agent run --json
check "by copying what the other has" json 'j["synced_packs"] > 0 and j["new_bytes"] == 0'
check "both zones are whole" exits 0 verify check --level data

# Expiry: the twin had the nights of the 23rd to 26th too.
for day in 23 24 25 26; do
	at "2026-11-${day}T02:00:00Z"
	exits 0 twin agent run || echo "not ok $((number += 1)) - the twin's night of the ${day}th"
done
plan() { "$@" prune --dry-run 2>&1 >/dev/null | grep -o 'would destroy the snapshot of [^ ]*' | sort; }
seals() { find "$1/sms/seals" -type f | wc -l; }
for now in 2027-02-19T02:00:00Z 2027-02-20T01:59:59Z 2027-02-20T02:00:00Z 2027-02-21T12:00:00Z 2027-02-23T02:00:00Z; do
	rm -r place/state
	at $now
	exits 0 agent rebuild || echo "not ok $((number += 1)) - rebuild"
	check "at $now the plan is the twin's" eval 'plan agent >plan; plan twin agent | cmp - plan'
	check "it is carried out" exits 0 agent prune --json
	destroyed=$(value 'j["destroyed"]')
	check "by the twin too" exits 0 twin agent prune --json
	check "which destroys as many: $destroyed" json "j['destroyed'] == $destroyed"
	check "as many as the plan said" test "$destroyed" = "$(wc -l <plan)"
	check "as many seals are left, in every zone" eval \
		'[ "$(seals place/az1) $(seals place/az2) $(seals twin/az1)" = "$(seals twin/az1) $(seals twin/az1) $(seals twin/az2)" ]'
done
check "of seven snapshots three are left" test "$(seals place/az1)" = 3
check "they are whole" exits 0 verify check --level data

# The agent's key was stolen, and is a signer no more: what its indexes named counts for no reader, so also not for the catalogue.
rm place/keys/agent.key place/keys/agent.pub
keys init --dir place/keys --role agent >/dev/null
at 2027-02-24T02:00:00Z
check "another agent's key: the night goes well" exits 3 agent run --json
check "makes the catalogue anew, and says why" warns "the catalogue is made anew from the zones: it learned packs from key"
check "builds on nothing that only the old key vouched for" json 'j["new_bytes"] > 2000000'
check "its snapshot is whole" exits 3 restore restore sms@latest --to anew
check "and what the source was" compare source anew
at 2027-02-25T02:00:00Z
check "the night after that" exits 3 agent run --json
check "is as before: the catalogue is kept" eval 'not warns "made anew" >/dev/null && json "j[\"read_files\"] == 0"'
finish
