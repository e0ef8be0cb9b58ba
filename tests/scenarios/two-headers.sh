#!/bin/bash
# Who has the agent's key and may write to one zone signs a second header of a snapshot that is there: as if its time were over, or with
# other content. Nothing that the true one needs is destroyed, freed or overwritten in the other zone.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

put_back() {
	rm -rf az1 az2 state
	cp -a base/. .
}

# What was in the second zone is there, as it was; new things may have come.
untouched() {
	(cd base/az2 && find sms -type f ! -path '*/lease/*' -exec sha256sum {} +) >before
	(cd az2 && sha256sum --quiet -c ../before)
}

new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
for day in 21 22 23; do
	messages "$day" 1000 >source/messages.jsonl
	at "2026-11-${day}T02:00:00Z"
	check "the night of 2026-11-$day" exits 0 agent run
done
cp -a source true
mkdir base
cp -a az1 az2 state base
at 2026-11-23T05:00:00Z
mkdir empty
sed -e "s#/az1\"#/empty\"#" -e 's#/state$#/state-alone#' "$config" >alone.yaml

for what in second emptied; do
	put_back
	check "$what: forged in one zone" exits 0 /usr/bin/python3 "$SRC/tests/tools/forge.py" --zone az1 --dataset sms \
		--key keys/agent.key "$what"
	check "... pruning tells of it" tells 3 "another valid header of this snapshot exists" agent prune --json
	check "... and frees nothing" json 'j["deleted_packs"] == 0 and j["destroyed"] == 0'
	check "... nor does the other zone lose anything" untouched
	check "... sync brings nothing of it" exits 3 agent sync
	check "... nor does the other zone lose anything" untouched
	check "... a repair does not take it for the true one" exits 4 verify check --repair
	check "... nor does the other zone lose anything" untouched
	check "... a night is taken all the same" exits 3 agent run
	check "... nor does the other zone lose anything" untouched
	check "... neither is restored unless somebody says which" tells 4 "headers that differ" restore restore \
		sms@2026-11-23T02:00 --to restored-any
	check "... the true one is restored from the other zone, read alone" exits '0|3' "$NIGHTFOLD_BIN/nightfold-restore" \
		restore sms@2026-11-23T02:00 --config alone.yaml --to "restored-$what"
	check "... as it was" compare true "restored-$what"
done
finish
