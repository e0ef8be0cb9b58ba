#!/bin/bash
# A zone that is missing, slow, read-only or full: the night is done in the other, and the next night catches up. Also
# both zones, and the disk under the agent's state; and a zone that was away while a snapshot expired.
set -u
# Small disks are mounted in a mount namespace of this script's own.
if [ -z "${NIGHTFOLD_OWN_MOUNTS:-}" ]; then
	export NIGHTFOLD_OWN_MOUNTS=no
	for unshare in "unshare --mount" "unshare --user --map-root-user --mount"; do
		$unshare mount -t tmpfs none /mnt 2>/dev/null && NIGHTFOLD_OWN_MOUNTS=yes exec $unshare bash "$0"
	done
fi
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# night DATE MEGABYTES: new messages, and so much that does not compress
day=0
night() {
	at "$1T02:00:00Z"
	day=$((day + 1))
	messages $day 1000 >>source/messages.jsonl
	head -c $(($2 * 1000000)) /dev/urandom >"source/attachment-$day"
}

# restored ZONE: the newest snapshot, from this zone alone, is the source
restored() {
	rm -rf "$TMPDIR/restored"
	exits '0|3' restore restore sms@latest --zone "$1" --to "$TMPDIR/restored" && diff -rq source "$TMPDIR/restored"
}

# What makes a night good: it ends with status 0, and both zones are whole, each alone.
good_night() {
	check "the next night is a good one" exits 0 agent run --json
	check "with its snapshot in both zones" json 'j["zones"] == ["ams-1", "ams-2"] and j["lagging"] == []'
	check "nothing is wrong in any zone" exits 0 verify check
	check "each of them alone has it all: ams-1" restored ams-1
	check "and ams-2" restored ams-2
}

# bad_night ZONE MESSAGE: in this zone
bad_night() {
	local other=ams-1
	[ "$1" != ams-1 ] || other=ams-2
	check "the night is done in $other, with status 3" exits 3 agent run --json
	check "and the reason" warns "$2"
	check "the snapshot is in $other" json "j['zones'] == ['$other']"
	check "which has it all, alone" restored "$other"
}

new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
night 2026-11-01 3
check "a first night" exits 0 agent run

# ---- missing ----

mv az2 az2.away
night 2026-11-02 1
bad_night ams-2 "ams-2: zone ams-2: cannot open its folder '$TMPDIR/az2' (is it made and mounted?)"
check "status says that one zone lags" eval 'exits 3 agent status; says "(ONE ZONE ONLY)"'
check "a zone that is away is not asked for a restore" tells 1 "zone ams-2 does not answer" \
	restore restore sms@latest --zone ams-2 --to none
check "a check tells that a zone is missing, and finds no damage" tells 3 "is it made and mounted?" verify check
check "no folder was made where the zone should be mounted" test ! -e az2
night 2026-11-03 1
bad_night ams-2 "is it made and mounted?"
mv az2.away az2
check "back again, it does not have the newest" tells 1 "zone ams-2 does not have sms@2026-11-03T02:00:00Z" \
	restore restore sms@latest --zone ams-2 --to none
check "who does not insist gets it from the other, and is told" tells 3 "it is read from the other zone" \
	restore restore sms@latest --to restored-from-other
check "a check tells what is missing" tells 4 "is not there, although another zone has this snapshot" verify check
check "sync brings it over" exits 0 agent sync --json
check "the packs of two nights" json 'j["synced_packs"] >= 4 and j["lagging"] == []'
check "then nothing is wrong" exits 0 verify check
check "and ams-2 alone has it all" restored ams-2
mv az1 az1.away
night 2026-11-04 1
bad_night ams-1 "is it made and mounted?"
mv az1.away az1
night 2026-11-05 1
good_night

# ---- away while a snapshot expires ----

expired=$(cd az1/sms/snapshots && ls -d 2026-11-01T*)
id=${expired#*-*-*-}
gone_from() {
	[ ! -e "$1/sms/snapshots/$expired" ] && [ ! -e "$1/sms/seals/$id.1" ]
}
mv az2 az2.away
at 2027-02-01T02:00:01Z
check "a snapshot expires while a zone is away" exits 3 agent prune --json
check "it is destroyed where a zone answers, and owed in the other" json 'j["destroyed"] == 0 and j["owed"] == 1'
check "seal and header are gone there" gone_from az1
check "so far nobody certifies that it is destroyed" test ! -e "state/certificates/sms-$id.json"
mv az2.away az2
check "the zone comes back and has it still" test -e "az2/sms/seals/$id.1"
check "nobody lists it" exits 0 restore list --json
check "as one that can be opened" json "all(s['id'] != '$id' for s in j)"
check "nobody opens it" tells 6 "is being destroyed since 2027-02-01T02:00:01Z" restore restore "$id" --to none
check "also not from the zone that has it" tells 6 "is being destroyed" restore restore "$id" --zone ams-2 --to none
cp -a state state.before
cp -a az1 az1.before
cp -a az2 az2.before
check "sync does not bring it back" exits 0 agent sync
check "but destroys it where it is" gone_from az2
check "the next prune certifies that" exits 0 agent prune
check "naming both stores" grep -q "ams-1.*ams-2" "state/certificates/sms-$id.json"
check "nothing is wrong in any zone" exits 0 verify check
rm -rf state az1 az2
mv state.before state
mv az1.before az1
mv az2.before az2
check "run does all of that by itself" exits 0 agent run --json
check "and says so" json 'j["destroyed"] == 1 and j["owed"] == 0'
check "seal and header are gone from the zone that was away" gone_from az2
check "still gone from the other" gone_from az1
check "the certificate is there" test -e "state/certificates/sms-$id.json"
check "nothing is wrong in any zone" exits 0 verify check

# ---- a new, empty disk ----

# untouched: nothing was written into the folder of ams-2
untouched() {
	[ -z "$(ls -A az2)" ] || { find az2 | sed 's/^/# /'; return 1; }
}
mv az2 az2.unmounted
mkdir az2
night 2027-02-02 1
bad_night ams-2 "is not the zone that was there before (it has no NIGHTFOLD-ZONE): is its disk mounted?"
check "the empty folder of a disk that is not mounted stays empty" untouched
for command in "agent sync" "agent prune" "agent status" "verify check --repair"; do
	# shellcheck disable=SC2086 # words
	check "$command tells the same, and not of damage" tells 3 "is its disk mounted?" $command
done
check "a restore from there is refused" tells 1 "ams-2 does not answer" restore restore sms@latest --zone ams-2 --to none
check "from the other it works" exits '0|3' restore restore sms@latest --to restored-unmounted
check "and nothing was written there" untouched
cp az1/NIGHTFOLD-ZONE az2
check "the disk of another zone is none either" tells 3 "its NIGHTFOLD-ZONE is another one" agent sync
check "nothing was written there" test "$(ls -A az2)" = NIGHTFOLD-ZONE
rm az2/NIGHTFOLD-ZONE
mv az2 az2.new
mv az2.unmounted az2
check "mounted again, it is brought up to date" exits 0 agent sync
check "and whole" exits 0 verify check
mv az2 az2.broken
mv az2.new az2
night 2027-02-03 1
bad_night ams-2 "'nightfold-agent sync --accept-zone ams-2' takes this one in its place"
check "a zone that is not configured cannot be accepted" tells 2 "has no zone 'ams-3'" agent sync --accept-zone ams-3
check "a new disk is accepted, and filled from the other zone" exits 3 agent sync --accept-zone ams-2
check "what it lost is told" warns "ams-2: serves index 0 as its newest; it had index"
check "it has all" restored ams-2
rm -rf az2
cp -a az1 az2
check "a copy of the other zone is none either" tells 3 "its NIGHTFOLD-ZONE is another one" agent sync
check "but can be accepted" exits 0 agent sync --accept-zone ams-2
check "and is a zone of its own" not cmp -s az1/NIGHTFOLD-ZONE az2/NIGHTFOLD-ZONE
night 2027-02-04 1
good_night
check "without a state folder, there is nothing to compare with" eval 'mv state state.lost; exits 0 agent rebuild'
rm -rf az2.broken state.lost

# ---- both zones ----

mv az1 az1.away
mv az2 az2.away
night 2027-02-05 1
check "without any zone the night fails" tells 1 "no zone answers" agent run
check "so does a restore" tells 1 "no zone answers" restore restore sms@latest --to none
check "and a check" tells 1 "no zone answers" verify check
check "status says so" tells 1 "no zone answers" agent status
mv az1.away az1
mv az2.away az2
good_night

# ---- slow ----

make_faults
night 2027-02-06 20
# Its first three changes are the lease: what hangs is the first pack, and all that might come after it.
check "a zone that does not finish one pack in five minutes is left behind, with status 3" exits 3 \
	faulty hang 4 "$TMPDIR/az2/sms" timeout -k 5 60 \
	"$NIGHTFOLD_BIN/nightfold-agent" snapshot --json --config "$config"
check "and told" warns "ams-2: left behind: zone ams-2: it did not answer for 300 seconds, and is left alone"
check "the snapshot is in the other" json 'j["zones"] == ["ams-1"]'
check "which has it all, alone" restored ams-1
night 2027-02-07 1
good_night
# ---- small disks ----

snapshots() {
	find az1/sms/snapshots az2/sms/snapshots -type f | wc -l
}

if [ "$NIGHTFOLD_OWN_MOUNTS" = yes ]; then
	mount --bind az2 az2
	mount -o remount,bind,ro az2
	night 2027-02-08 1
	bad_night ams-2 "az2' is mounted read-only"
	check "reading from it goes on" exits 0 restore restore sms@2027-02-07 --zone ams-2 --to restored-from-read-only
	umount az2
	night 2027-02-09 1
	good_night

	cp -a az2 az2.small
	mount -t tmpfs -o size=64m none az2
	cp -a az2.small/. az2
	head -c 1G /dev/zero >az2/ballast 2>/dev/null
	night 2027-02-10 3
	bad_night ams-2 "No space left on device"
	rm az2/ballast
	night 2027-02-11 1
	good_night
	check "what did not fit left nothing behind" test -z "$(find az2 -name '.tmp-*')"

	cp -a az1 az1.small
	mount -t tmpfs -o size=64m none az1
	cp -a az1.small/. az1
	head -c 1G /dev/zero >az1/ballast 2>/dev/null
	head -c 1G /dev/zero >az2/ballast 2>/dev/null
	night 2027-02-12 3
	before=$(snapshots)
	check "with both zones full the night fails" tells 1 "No space left on device" agent run
	check "and commits nothing" test "$before" = "$(snapshots)"
	head -c 150000000 /dev/urandom >source/large
	check "it does not wait for ever with more in hand than its pipeline holds" tells 1 "No space left on device" \
		timeout --signal=KILL 120 "$NIGHTFOLD_BIN/nightfold-agent" run --config "$config"
	rm az1/ballast az2/ballast source/large
	check "what was there is whole" exits 0 verify check
	good_night

	cp -a state state.small
	mount -t tmpfs -o size=4m none state
	cp -a state.small/. state || echo "# the state is larger than that"
	head -c 1G /dev/zero >state/ballast 2>/dev/null
	night 2027-02-13 3
	before=$(snapshots)
	check "with a full disk under the state the night fails" tells 1 "No space left on device" agent run
	check "and commits nothing" test "$before" = "$(snapshots)"
	check "what was there is whole" exits 0 verify check
	check "and can be restored" exits 0 restore restore sms@2027-02-12 --to restored-meanwhile
	rm state/ballast
	mount -o remount,size=64m state
	good_night
else
	skip "zones that are read-only or full, and a full disk under the state" "mounting is not allowed here"
fi
finish
