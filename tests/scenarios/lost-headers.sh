#!/bin/bash
# Headers that both zones lost or damaged: their seals are not taken for what a killed run left, nothing is destroyed before its time, the
# agent puts back what it remembers, and what nobody remembers is destroyed when its time is over all the same.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB"
mkdir source
night() { # TIME
	at "$1"
	messages "${1:8:2}" 2000 >"source/of-${1:8:2}.jsonl"
	agent run
}
tells() { # STATUS TEXT COMMAND...
	exits "$1" "${@:3}" && warns "$2"
}
objects() { # FOLDER: in both zones
	find "az1/sms/$1" "az2/sms/$1" -type f | wc -l
}
for day in 21 22 23; do
	check "a night" exits 0 night 2026-11-${day}T02:00:00Z
done
mapfile -t headers < <(cd az1 && printf '%s\n' sms/snapshots/*)
ids=("${headers[@]##*-}")
mkdir base
cp -a az1 az2 state base
packs=$(objects packs)
put_back() {
	rm -rf az1 az2 state
	cp -a base/az1 base/az2 base/state .
	at 2026-11-23T12:00:00Z
}

# ---- everything under snapshots/ is deleted ----

put_back
rm az1/sms/snapshots/* az2/sms/snapshots/*
check "without any header left, status tells" tells 3 "${headers[0]}: is whole in no zone: this host remembers it" agent status
check "a check calls it damage" tells 4 "${headers[0]}: is whole in no zone: this host remembers it" verify check
check "and offers the repair" says "3 missing; --repair heals"
check "prune destroys nothing" tells 3 "no space is freed this time" agent prune
check "no seal" test "$(objects seals)" = 6
check "and no pack" test "$(objects packs)" = "$packs"
check "sync puts the headers back" tells 3 "is put back from what this host remembers" agent sync
check "all of them, in both zones" test "$(objects snapshots)" = 6
check "the same" diff -rq az1/sms/snapshots base/az1/sms/snapshots
check "so that nothing is wrong any more" exits 0 verify check --level fingerprint
check "and the next night has nothing to tell" exits 0 night 2026-11-24T02:00:00Z
check "and restores as before" exits 0 restore restore "${ids[0]}" --to restored

put_back
rm az1/sms/snapshots/* az2/sms/snapshots/*
check "so does a repair on the host that remembers" exits 0 verify check --repair
check "nothing is wrong then" exits 0 verify check

put_back
rm -rf state az1/sms/snapshots/* az2/sms/snapshots/*
check "where nothing remembers them, a check calls it damage too" tells 4 "is in no zone, only its seal" verify check
check "and offers no repair that it could not make" eval '! grep -q -- --repair out'
check "and prune destroys nothing either" tells 3 "is in no zone, only its seal" agent prune
check "nor does the next night" tells 3 "is in no zone, only its seal" night 2026-11-24T02:00:00Z
check "nor the one after it" tells 3 "is in no zone, only its seal" night 2026-11-25T02:00:00Z
check "every seal is there" test "$(objects seals)" = 10
cp base/az1/sms/snapshots/* az1/sms/snapshots/
check "with the headers back from a copy" exits '0|3' agent sync
check "all is well" exits 0 verify check
rm -rf restored
check "and restored" exits '0|3' restore restore "${ids[0]}" --to restored

put_back
rm "az1/${headers[2]}" "az2/${headers[2]}"
check "the newest header alone, lost in both zones" tells 3 "${headers[2]}: is whole in no zone" agent run
check "is put back by the run" eval '[ -e "az1/${headers[2]}" ] && [ -e "az2/${headers[2]}" ]'
check "which takes the next number" exits 0 verify check

put_back
rm "az1/${headers[2]}" "az1/sms/seals/${ids[2]}.1"
rm -r az2/sms
check "one zone emptied and the other rolled back: told" tells 3 "is in no zone, nor is its seal" agent run
check "nothing is freed" warns "no space is freed this time"
check "until somebody accepts it" exits '0|3' agent rebuild
check "then nothing is wrong" exits 0 agent run

# ---- a header damaged in both zones ----

put_back
truncate -s 100 "az1/${headers[0]}" "az2/${headers[0]}"
check "a header damaged in both zones is told by status" tells 3 "${headers[0]}: is whole in no zone" agent status
check "and by a check" tells 4 "${headers[0]}: is whole in no zone" verify check
check "the next night puts it back" eval 'tells 3 "is put back" night 2026-11-24T02:00:00Z && exits 0 verify check'

# Nobody was there to put it back until it is past its time: three months.
put_back
truncate -s 100 "az1/${headers[0]}" "az2/${headers[0]}"
at 2027-02-21T01:59:59Z
check "until its last second it is kept" exits '3' agent prune
check "with its seal" test -e "az1/sms/seals/${ids[0]}.1"
at 2027-02-21T03:30:00Z
check "then status says that it is overdue" eval 'exits 3 agent status && says "OVERDUE: 1"'
check "and prune destroys it" tells 3 "destroyed the snapshot of 2026-11-21T02:00:00Z" agent prune
check "its seal in both zones" eval '! ls az?/sms/seals | grep -q "${ids[0]}"'
check "and what was its header" eval '! ls az?/sms/snapshots | grep -q "${ids[0]}"'
check "with a certificate" test -e "state/certificates/sms-${ids[0]}.json"

put_back
rm -rf state
truncate -s 100 "az1/${headers[0]}" "az2/${headers[0]}"
at 2027-02-21T01:59:59Z
check "where nobody remembers it, the name of the header says until when it is kept" tells 3 \
	"it is kept until 2027-02-21T02:00:00Z" agent prune
check "with its seal" test -e "az1/sms/seals/${ids[0]}.1"
at 2027-02-21T03:30:00Z
check "a check says that it is overdue" tells 4 "it is OVERDUE since 2027-02-21T02:00:00Z" verify check
check "so does status" eval 'exits 3 agent status && says "OVERDUE: 1"'
check "a dry run says what would be done" tells 3 "would destroy snapshot ${ids[0]}, whose header is lost" agent prune --dry-run
check "prune destroys it" tells 3 "destroyed snapshot ${ids[0]}, whose header is lost" agent prune
check "its seal in both zones" eval '! ls az?/sms/seals | grep -q "${ids[0]}"'
check "and what was its header" eval '! ls az?/sms/snapshots | grep -q "${ids[0]}"'
check "with a certificate that says how it was" grep -q '"header":"damaged in every zone"' "state/certificates/sms-${ids[0]}.json"
check "the others are as they were" exits 0 verify check

# ---- what a thief can write ----

put_back
for zone in az1 az2; do
	echo junk >"$zone/sms/snapshots/2020-01-01T000000Z-${ids[0]}"
done
check "headers of junk with an old date destroy nothing" exits 3 agent prune
check "of a snapshot that lives" test "$(objects seals)" = 6
rm -rf state
check "nor where nothing is remembered" exits 3 agent prune
check "of it" test "$(objects seals)" = 6

finish
