#!/bin/bash
# A zone that serves an older state than it had before, or that forgets single objects, is told and brought up to date
# again.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

newest() {
	find "az1/sms/$1" -type f -printf '%P\n' | sort | tail -n 1
}

night() {
	at "$1T02:00:00Z"
	messages "$RANDOM" 1000 >>source/messages.jsonl
	agent run
}

put_back() {
	rm -rf az1 az2 state
	cp -a base/. .
}

new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
check "a first night" exits 0 night 2026-11-21
cp -a az1 az1.old
cp -a az2 az2.old
check "a second one" exits 0 night 2026-11-22
check "a third" exits 0 night 2026-11-23
mkdir base
cp -a az1 az2 state base
header=sms/snapshots/$(newest snapshots)
index=sms/index/$(newest index)

# ---- the agent, which remembers ----

rm -rf az2
cp -a az2.old az2
at 2026-11-24T02:00:00Z
check "a zone that was rolled back to an earlier night is told by the agent" exits 3 agent run --json
check "by its index" warns \
	"ams-2: serves index 1 as its newest; it had index 3 before: the zone was rolled back, or lost objects"
check "by its snapshots" warns "ams-2: serves snapshot number 1 as its newest; it had snapshot number 3 before"
check "in words that a program understands" json '{f["kind"] for f in j["findings"]} == {"rolled-back"}'
check "it is brought up to date by the same run" json 'j["zones"] == ["ams-1", "ams-2"] and j["synced_packs"] >= 4'
check "nothing is wrong any more" exits 0 verify check
check "and the next night has nothing to tell" exits 0 agent run

put_back
rm "az2/$header"
check "a zone that lost its newest header is told" tells 3 "ams-2: serves snapshot number 2 as its newest; it had" \
	agent run
check "and brought up to date" test -e "az2/$header"
check "so that nothing is wrong any more" exits 0 verify check

put_back
rm "az2/$index"
check "a zone that lost its newest index is told" tells 3 "ams-2: serves index 2 as its newest; it had index 3 before" \
	agent run
check "and brought up to date" test -e "az2/$index"
check "so that nothing is wrong any more" exits 0 verify check

put_back
rm "az1/$header" "az2/$header"
check "a header that no zone has any more is told" tells 3 "ams-1: serves snapshot number 2 as its newest; it had" \
	agent prune
check "for each zone" warns "ams-2: serves snapshot number 2 as its newest; it had"
check "its seal is left alone: it is none that a killed run left" test -e "az1/sms/seals/${header##*-}.1"
check "and so are its packs" warns "no space is freed this time"

put_back
rm -rf az1 az2
cp -a az1.old az1
cp -a az2.old az2
check "both zones rolled back are told" tells 3 "ams-1: serves snapshot number 1 as its newest; it had" agent run
check "for each zone" warns "ams-2: serves index 1 as its newest; it had index 3 before"
check "and what is lost by that" tells 4 "nor is its seal: nobody can open this snapshot" verify check
check "and is restored" exits 0 restore restore sms@latest --to restored
check "as it is" diff -rq source restored
check "when the loss is accepted" exits '0|3' agent rebuild
check "what the source has is whole in both" exits 0 verify check

# ---- anybody else, who has the headers ----

put_back
rm "az2/$index"
check "without a memory, a check finds it by the headers" exits 4 verify check
check "which name the index that is missing" \
	warns "ams-2: a snapshot here names index 3, but the newest that this zone serves is 2"
check "a restore tells it too, and succeeds" tells 3 "ams-2: a snapshot here names index 3" \
	restore restore sms@latest --to restored-meanwhile
check "--repair heals it" exits 0 verify check --repair
check "with the bytes that were there before" cmp "az2/$index" "base/az2/$index"
rm -rf az2
cp -a az2.old az2
check "a zone that is older as a whole is found beside the other" tells 4 "ams-2: $header: is not there" verify check
check "--repair heals that as well" exits 0 verify check --repair
check "and both zones are the same" diff -r -x NIGHTFOLD-ZONE az1 az2
finish
