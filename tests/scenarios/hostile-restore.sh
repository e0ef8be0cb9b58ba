#!/bin/bash
# Restoring what a hostile agent made: names with "..", absolute paths, links out of the target. Nothing outside of the
# target is written, whatever a snapshot says, and whatever lies in the target already. And restores that are refused:
# with a wrong key, into what is there.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# Everything about what lies beside the target, times of change included; the place is the scenario's own.
beside() {
	find outside in -path in/target -prune -o -printf '%p %y %m %U %n %s %T@ ' \
		-type f -printf '%C@' -printf '\n' | grep -v '^in d' | sort
	cat outside/victim
	ls /escaped "$TMPDIR/escaped" in/escaped 2>/dev/null
}

untouched() {
	beside >after
	diff before after | sed 's/^/# /'
	cmp -s before after
}

# crafted STATUS CASE "what": a snapshot of that case is restored, into an empty folder and once more over what is there
crafted() {
	local status=$1 case=$2 what=$3
	rm -rf az1 az2 in/target
	mkdir az1 az2
	"$SRC/tests/tools/craft.py" --dataset crafted --key keys/agent.key --recipient keys/operator.pub \
		--outside "$TMPDIR/outside" "$case" az1 az2 || give_up "the case $case cannot be made"
	check "$what: the restore ends with status $status" exits "$status" restore restore crafted@latest --to \
		in/target
	check "... nothing outside has been touched" untouched
	exits '0|4' restore restore crafted@latest --to in/target --overwrite
	check "... nor by a restore over that" untouched
	check "... the data check says the same" exits "$status" verify check crafted --level data --key keys/operator.key
	rm -rf read
	check "... and so does the second reader" exits "${status/4/1}" reader --zone az1 --dataset crafted \
		--key keys/operator.key --signer keys/agent.pub --to read
	check "... nothing leads to a file of the snapshot but what is in the target" \
		test -z "$(grep -rl 'written by a hostile snapshot' outside)"
}

new_place "$TMPDIR"
mkdir source outside in
echo "a victim" >outside/victim
chmod 600 outside/victim
touch -d 2001-01-01 outside/victim outside
add_dataset crafted "$TMPDIR/source"
add_dataset sms "$TMPDIR/source"
at 2026-11-21T03:00:00Z
beside >before

crafted 0 harmless "nothing hostile"
check "... which is restored" cmp in/target/file <(echo "written by a hostile snapshot")
crafted 4 dots "a name of '..'"
crafted 4 dots-inside "'..' within a path"
crafted 4 dot "a name of '.'"
crafted 4 absolute "an absolute path"
crafted 4 empty-name "a path with an empty name"
crafted 4 slash-at-end "a path that ends in '/'"
crafted 4 nul "a name with a NUL"
crafted 4 long-name "a name of 256 bytes"
crafted 0 deep "900 folders, one in the other"
crafted 4 too-deep "a path of 4097 names"
crafted 4 no-folder "a file in a folder that is no entry"
beneath="'missing/escaped' is said to be in 'missing', which is no folder of this snapshot"
check "... every reader says so: restore" tells 4 "$beneath" restore restore crafted@latest --to in/other
check "check" tells 4 "$beneath" verify check crafted --level data --key keys/operator.key
check "ls" tells 4 "$beneath" restore ls crafted@latest
check "ls of this file alone" tells 4 "$beneath" restore ls crafted@latest missing/escaped
check "cat" tells 4 "$beneath" restore cat crafted@latest missing/escaped
check "find" tells 4 "$beneath" restore find escaped
check "diff" tells 4 "$beneath" restore diff crafted@latest crafted@latest
rm -rf in/other
crafted 4 through-link "a file beneath a link out of the target"
crafted 4 through-relative-link "a file beneath a relative link out of the target"
crafted 4 folder-through-link "a folder beneath a link out of the target"
crafted 4 link-then-folder "a link that becomes a folder"
crafted 4 folder-then-link "a folder that becomes a link"
crafted 4 hard-link-out "a hard link to a path with '..'"
crafted 4 hard-link-absolute "a hard link to an absolute path"
crafted 4 hard-link-through-link "a hard link to what is beneath a link"
crafted 4 hard-link-to-link "a hard link to a link, said to be a file"
crafted 4 hard-link-to-folder "a hard link to a folder"
crafted 4 hard-link-to-itself "a hard link to itself"
crafted 0 links "links out of the target, which nothing follows"
check "... they are restored as links" test "$(readlink in/target/a)" = "$TMPDIR/outside"
crafted '0|4' marker "an entry with the name of the restore's own marker"
crafted 4 not-sorted "paths out of order"
crafted 4 twice "a path twice"
crafted 4 second-root "the source's folder twice"

# ---- what lies in the target already ----

rm -rf az1 az2
mkdir az1 az2 source/folder
echo content >source/folder/file
echo content >source/plain
ln source/plain source/zweit
check "a harmless night" exits 0 agent run sms
# fresh_target: a folder in which somebody has laid links
fresh_target() {
	rm -rf in/target
	mkdir in/target
}
fresh_target
ln -s "$TMPDIR/outside" in/target/folder
check "a restore into what is not empty is refused" tells 6 "in/target' is not empty" restore restore sms@latest --to \
	in/target
check "... and leaves it as it was" test "$(ls in/target)" = folder
check "a link in the place of a folder: replaced, not followed" exits 0 \
	restore restore sms@latest --to in/target --overwrite
check "... nothing outside has been touched" untouched
check "... and the target is the source" diff -r source in/target
fresh_target
ln -s "$TMPDIR/outside/victim" in/target/plain
ln -s ../../outside/victim in/target/zweit
mkdir in/target/folder
ln -s "$TMPDIR/outside/victim" in/target/folder/file
check "links in the place of files: replaced, not followed" exits 0 restore restore sms@latest --to in/target \
	--overwrite
check "... nothing outside has been touched" untouched
check "... and the target is the source" diff -r source in/target
fresh_target
ln outside/victim in/target/plain
beside >before
check "a hard link to a file outside: replaced, not written to" exits 0 restore restore sms@latest --to in/target \
	--overwrite
check "... the file outside is what it was" grep -qx "a victim" outside/victim
check "... with the mode that it had" test "$(stat -c %a outside/victim)" = 600

# ---- keys and places that do not fit ----

keys init --dir stranger >out
check "a wrong key is told as that" tells 1 "does not open sms@2026-11-21T03:00:00Z: it is not among its recipients" \
	restore restore sms@latest --to none --key stranger/operator.key
check "... and nothing is made" test ! -e none
check "an agent's key opens nothing" tells 2 "is a key for the role agent, which opens no snapshot" \
	restore restore sms@latest --to none --key keys/agent.key
check "a key that is not there" tells 1 "none.key" restore restore sms@latest --to none --key none.key
check "a path that is not in the snapshot" tells 1 "nowhere" restore restore sms@latest --to none nowhere
check "... and nothing is made" test ! -e none
check "a target that is a file" exits '1|6' restore restore sms@latest --to outside/victim
check "... which is left alone" grep -qx "a victim" outside/victim
finish
