#!/bin/bash
# slow
# Real input, and all that POSIX allows: every set of the test data and a tree made to be difficult are snapshotted, and come back
# from each zone alone with their content and every attribute, nanosecond times of folders included.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# Archives by strangers, hostile ones among them: unpacked by a user who may do nothing, in a folder of its own, with limits on time,
# processor and the size of a file. What does not unpack as it wanted to is a difficult tree as well.
unpack_trees() {
	local unpriv=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
	chown 65534:65534 "$1"
	chmod 711 "$TMPDIR" # else that user does not get here
	(
		cd "$1" || exit 1
		ulimit -c 0 -f 32768 -t 2 # 32 MiB
		"${unpriv[@]}" tar --zstd -xf - <"$NIGHTFOLD_TESTDATA/trees.tar.zst"
		for archive in trees/libarchive/*; do
			"${unpriv[@]}" mkdir "${archive##*/}"
			"${unpriv[@]}" timeout 3 bsdtar --passphrase password -xpf "$archive" -C "${archive##*/}" </dev/null
		done
	) >/dev/null 2>&1
	# Most of the 200 archives give something; a few need programs that are not here.
	[ "$(find "$1" -mindepth 2 | wc -l)" -gt 500 ] && [ "$(du -sm "$1" | cut -f1)" -lt 500 ]
}

unpack() {
	mkdir "sets/$1"
	tar --zstd -xpf "$NIGHTFOLD_TESTDATA/$1.tar.zst" -C "sets/$1"
}

# The names of all sets that are here. Copies of the plain ones, so that all is on one file system with extended attributes.
gather() {
	mkdir sets
	for set in sms cdr phones naughty-strings databases; do
		cp -a "$NIGHTFOLD_TESTDATA/$set" "sets/$set" || return
	done
}

if [ "$(id -u)" != 0 ]; then
	skip "the sets of the test data, and a difficult tree, come back" "only root can make and restore all of it"
	finish
	exit
fi
new_place "$TMPDIR/place"
if [ -d "$NIGHTFOLD_TESTDATA" ]; then
	check "the plain sets of the test data are here" gather
	check "the chats unpack" unpack irc
	check "the mails unpack" unpack mail
	mkdir sets/trees
	check "the difficult archives unpack, without privileges and within limits" unpack_trees sets/trees
else
	mkdir sets
	skip "the sets of the test data come back" "no test data at $NIGHTFOLD_TESTDATA"
fi
check "a tree of everything difficult is made" "$SRC/tests/tools/difficult_tree.py" sets/difficult

for set in sets/*; do
	add_dataset "${set#sets/}" "$TMPDIR/$set"
done
sleep 1 # what was written a moment ago is not trusted to be unchanged
at 2026-11-21T02:00:00Z
check "one run takes a snapshot of every set" exits 0 agent run --json
for set in sets/*; do
	name=${set#sets/}
	for zone in ams-1 ams-2; do
		check "$name is restored from $zone alone" exits 0 restore restore "$name@latest" --to "from-$zone/$name" --zone "$zone"
		check "$name from $zone is what it was" compare "$set" "from-$zone/$name"
	done
done

at 2026-11-22T02:00:00Z
check "the next night finds everything unchanged" exits 0 agent run --json
check "and reads none of it" json 'all(row["read_files"] == 0 for row in rows)'
check "every object in both zones is whole, and every file decodes from each" exits 0 verify check --level data
check "a second snapshot of the difficult tree is the first one again" exits 0 restore restore difficult@latest --to again
check "from the keys that the agent remembered" compare sets/difficult again
finish
