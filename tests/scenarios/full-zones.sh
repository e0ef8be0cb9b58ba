#!/bin/bash
# Zones that are full to the last byte, or the last inode, one or both: expiry still destroys and frees, and the next
# night is a good one.
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
if [ "$NIGHTFOLD_OWN_MOUNTS" != yes ]; then
	skip "full zones are freed by expiry" "mounting is not allowed here"
	finish
	exit 0
fi

# fill ZONE: not a block is left
fill() {
	mkdir -p "$1/ballast"
	head -c 1G /dev/zero 2>/dev/null >"$1/ballast/bytes"
	while echo . >"$1/ballast/$RANDOM$RANDOM"; do :; done 2>/dev/null
	! echo . 2>/dev/null >"$1/ballast/more"
}

# fill_inodes ZONE: not an inode is left
fill_inodes() {
	local i=0
	mkdir -p "$1/ballast"
	while : >"$1/ballast/$i"; do i=$((i + 1)); done 2>/dev/null
	! : 2>/dev/null >"$1/ballast/more"
}

holds() {
	[ "$(find "$1/sms/snapshots" -type f | wc -l) $(find "$1/sms/seals" -type f | wc -l)" = "$2 $2" ] ||
		{ find "$1/sms" -type f | sed 's/^/# /'; return 1; }
}

packs() {
	find "$1/sms/packs" -type f | wc -l
}

# night DATE [BYTES]
night() {
	at "$1T02:00:00Z"
	rm -f source/attachment-*
	head -c "${2:-3000000}" /dev/urandom >"source/attachment-$1"
}

# story YEAR WHAT HOW ZONE...: these zones become full in that way after a night; then what was taken in it expires
story() {
	local year=$1 what=$2 how=$3 zone before
	shift 3
	night "$year-01-01"
	check "$what: a night before" exits '0|3' agent run
	for zone in "$@"; do
		check "... $zone is full" "$how" "$zone"
	done
	at "$year-04-02T02:00:00Z"
	check "... what expires is destroyed in every zone" exits 0 agent prune --json
	check "... and confirmed" json 'j["destroyed"] == 1 and j["owed"] == 0'
	check "... no seal or header of it is left in ams-1" holds az1 0
	check "... nor in ams-2" holds az2 0
	before=$(packs az1)
	at "$year-04-03T03:00:00Z"
	check "... after the grace its packs are deleted" exits 0 agent prune --json
	check "... from full zones too" json 'j["deleted_packs"] > 0'
	check "... namely" test "$(packs az1) $(packs az2)" = "0 0" -a "$before" -gt 0
	check "... what was kept back for that is there again" test "$(find az?/.reserve -type f | wc -l)" = 128
	night "$year-04-04" 1000000
	# What a small snapshot gave back in inodes its packs' folders may want again.
	[ "$how" != fill_inodes ] || rm -f az?/ballast/1?
	check "... the next night is a good one" exits 0 agent run --json
	check "... in both zones" json 'j["zones"] == ["ams-1", "ams-2"]'
	rm -rf az1/ballast az2/ballast
	check "... and nothing is wrong" exits 0 verify check
	at "$year-08-01T02:00:00Z"
	agent prune >>log 2>&1
	at "$year-08-03T02:00:00Z"
	agent prune >>log 2>&1
}

grace="24 hours"
new_place "$TMPDIR"
mkdir source
messages 1 1000 >source/messages.jsonl
add_dataset sms "$TMPDIR/source"
for zone in az1 az2; do
	mount -t tmpfs -o size=24m,nr_inodes=1000 none $zone
done
story 2027 "one full zone" fill az2
story 2028 "the other" fill az1
story 2029 "both" fill az1 az2
story 2030 "a zone without inodes" fill_inodes az2
story 2031 "both without" fill_inodes az1 az2

# Where nothing but the nightly run is started, it frees the zones that it failed for.
night 2032-01-01
check "a night" exits 0 agent run
night 2032-04-02
fill az1
fill az2
check "in full zones a night fails" tells 1 "No space left on device" agent run
check "but destroys what is due" holds az1 0
night 2032-04-03 1000000
at 2032-04-03T03:00:00Z
check "the next one fails" exits 1 agent run
check "and frees the space of what was destroyed" test "$(packs az1) $(packs az2)" = "0 0"
at 2032-04-03T04:00:00Z
check "so that one more gets through" exits 0 agent run
rm -rf az1/ballast az2/ballast
check "and nothing is wrong" exits 0 verify check
finish
