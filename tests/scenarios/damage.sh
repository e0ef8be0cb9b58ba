#!/bin/bash
# Damage of every kind to an object of every kind: in one zone it is found, named and healed from the other, and
# restores go on; in both zones what is lost is named, and the rest is restored.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

damage() {
	"$SRC/tests/tools/damage.py" "$@"
}

# first PATTERN: the name of the first such object
first() {
	(cd az1 && find . -path "./$1" | sort | sed -n '1s/^..//p')
}

last() {
	(cd az1 && find . -path "./$1" | sort | sed -n '$s/^..//p')
}

put_back() {
	rm -rf az1 az2
	cp -a base/az1 base/az2 .
}

# restored STATUS: the newest snapshot, whole
restored() {
	rm -rf restored
	exits "$1" restore restore sms@latest --to restored && diff -rq source restored
}

# What the zone had before it has again.
as_before() {
	(cd base/az1 && find . -type f -exec sha256sum {} +) | (cd az1 && sha256sum --quiet -c)
}

# ---- two nights that stay, two between them that have been destroyed, and another dataset ----

# night TIME NAME
night() {
	messages "$2" 3000 >"source/messages-$2"
	head -c 700000 /dev/urandom >"source/photo-$2"
	head -c 700000 /dev/urandom >voice/call
	at "2026-11-${1}:00:00Z"
	check "a night on $NIGHTFOLD_TEST_NOW" exits 0 agent run
}

grace="24 hours" new_place "$TMPDIR"
mkdir source voice
add_dataset sms "$TMPDIR/source"
add_dataset voice "$TMPDIR/voice"
for i in 1 2 3 4 5 6; do messages "$i" 50 >"source/small-$i"; done
night 20T02 20
cp -a source source-20
sed -i 's/backup: 3 months/backup: 1 month/' "$config"
night 20T03 03
night 20T04 04
sed -i 's/backup: 1 month/backup: 3 months/' "$config"
rm source/messages-03 source/photo-04
night 21T02 21
at 2027-02-10T02:00:00Z
check "two snapshots expire" exits 0 agent prune
check "nothing is wrong in any zone" exits 0 verify check
mkdir base
cp -a az1 az2 base

content=$(damage packs az1/sms content | sed -n 1p)
old_content=$(damage packs az1/sms content | sed -n '$p')
node=$(damage packs az1/sms node | sed -n 1p)
old_node=$(damage packs az1/sms node | sed -n '$p')
header=$(last 'sms/snapshots/*')
old_header=$(first 'sms/snapshots/*')
seal=sms/seals/${header##*-}.1
old_seal=sms/seals/${old_header##*-}.1
index=$(last 'sms/index/*/*')
old_index=$(first 'sms/index/*/*')
intent=$(first 'sms/intents/*')
old_intent=$(last 'sms/intents/*')

# ---- in one zone ----

# in_one_zone "what" "how" RESTORE-STATUS OBJECT DAMAGE...: the damage has been done
in_one_zone() {
	local name="$1, $2" status=$3 object=$4
	shift 4
	put_back
	damage "$@"
	check "$name: found and named" tells 4 "ams-1: $object: " verify check
	check "... a restore succeeds meanwhile, with status $status" restored "$status"
	check "... --repair heals it" exits 0 verify check --repair
	check "... with the bytes that were there before" as_before
	check "... and nothing is wrong any more" exits 0 verify check
}

# every_damage "what" OBJECT ANOTHER FOREIGN RESTORE-STATUS
every_damage() {
	in_one_zone "$1" "a flipped bit" "$5" "$2" flip "az1/$2"
	in_one_zone "$1" "cut short" "$5" "$2" cut "az1/$2"
	in_one_zone "$1" "empty" "$5" "$2" empty "az1/$2"
	in_one_zone "$1" "missing" '0|3' "$2" gone "az1/$2"
	in_one_zone "$1" "swapped with another" "$5" "$2" swap "az1/$2" "az1/$3"
	in_one_zone "$1" "replaced by one of another dataset" "$5" "$2" replace "az1/$2" "az1/$4"
}

every_damage "a pack of content" "$content" "$old_content" "$(cd az1 && echo voice/packs/*/* | cut -d' ' -f1)" 3
every_damage "a pack of nodes" "$node" "$old_node" "$(cd az1 && echo voice/packs/*/* | cut -d' ' -f1)" 3
every_damage "the newest index" "$index" "$old_index" "$(last 'voice/index/*/*')" 3
every_damage "the first index" "$old_index" "$index" "$(last 'voice/index/*/*')" 3
every_damage "a header" "$header" "$old_header" "$(last 'voice/snapshots/*')" 3
every_damage "a seal" "$seal" "$old_seal" "$(last 'voice/seals/*')" 3
every_damage "an intent" "$intent" "$old_intent" "$(last 'voice/intents/*')" '0|3'

in_one_zone "a pack of content" "replaced by another that is well named and lists the same ids" \
	3 "$content" impostor "az1/$content"
in_one_zone "a pack of nodes" "replaced by another that is well named and lists the same ids" \
	3 "$node" impostor "az1/$node"

# ---- in both zones ----

# lost "what" "how" "what the check names" "files that are lost" OBJECT DAMAGE: the same in both zones
lost() {
	local name="$1, $2 in both zones" named=$3 files=$4 object=$5 damage=$6 zone file
	put_back
	for zone in az1 az2; do damage "$damage" "$zone/$object"; done
	check "$name: found" tells 4 "$named" verify check
	check "... and there is no healing it" exits 4 verify check --repair
	rm -rf restored
	check "... a restore ends with status 4" exits 4 restore restore sms@latest --to restored
	for file in $files; do
		check "... names the lost $file" warns "error: $file: "
		check "... and leaves nothing half restored of it" test ! -e "restored/$file"
	done
	# shellcheck disable=SC2046,SC2086 # lists of words
	check "... the rest is restored" diff -rq $(printf -- '-x %s ' $files) source restored
	check "... a check at level data names the files too" exits 4 verify check --level data
	for file in $files; do check "... $file" warns "error: $file: this file of sms@"; done
}

lost "a pack of content" "missing" "error: $content: is whole in no zone" "messages-21 photo-21" "$content" gone
lost "a pack of content" "empty" "ams-2: $content: " "messages-21 photo-21" "$content" empty
lost "a pack of content" "a flipped bit" "error: $content: is whole in no zone" "photo-21" "$content" flip

# What leads to everything: the snapshot is lost as a whole, and told as that. The one before it is not.
lost_as_a_whole() {
	local name="$1, $2 in both zones" object=$3 damage=$4 zone
	put_back
	for zone in az1 az2; do damage "$damage" "$zone/$object"; done
	check "$name: found" tells 4 "error: sms@2026-11-21T02:00:00Z: " verify check
	check "... and there is no healing it" exits 4 verify check --repair
	rm -rf restored restored-20
	check "... a restore ends with status 4 and names the snapshot" tells 4 "sms@2026-11-21T02:00:00Z" \
		restore restore sms@2026-11-21 --to restored
	check "... and leaves nothing behind" test ! -e restored/messages-21
	check "... the snapshot before is restored" exits '0|3' restore restore sms@2026-11-20 --to restored-20
	check "... as it was" diff -rq source-20 restored-20
}

# Where in its pack the root stands is chance: every node is hit.
for damage in spoil cut gone; do
	lost_as_a_whole "the node that leads to all" "$damage" "$node" "$damage"
done
for damage in flip cut gone; do
	lost_as_a_whole "the newest index" "$damage" "$index" "$damage"
	lost_as_a_whole "the seal" "$damage" "$seal" "$damage"
done

put_back
damage flip "az1/$header"
damage flip "az2/$header"
check "a header with a flipped bit in both zones: found and named" tells 4 "ams-2: $header: ignored" verify check
check "... the snapshot before is the newest one now" tells 3 "$header: ignored" restore restore sms@latest --to \
	restored-20b
check "... and as it was" diff -rq source-20 restored-20b

# ---- repair, interrupted ----

put_back
damage flip "az2/$content"
damage gone "az2/$node"
damage cut "az2/$header"
damage gone "az2/$seal"
damage flip "az2/$index"
damage flip "az2/$intent"
cp -a az2 az2.damaged
for ((moment = 1; ; moment += 2)); do
	rm -rf az2
	cp -a az2.damaged az2
	got=0
	faulty kill "$moment" / verify check --repair >out 2>err || got=$?
	[ "$got" != 0 ] || break
	{ exits 0 verify check --repair && exits 0 verify check && diff -rq -x '.tmp-*' -x NIGHTFOLD-ZONE az1 az2; } >explained || {
		echo "# after moment $moment:"
		cat explained
		unhealed=yes
	}
done
check "repair that is killed at any of $moment moments is ended by the next" test -z "${unhealed:-}"
check "and has touched nothing in the zone that was whole" as_before
finish
