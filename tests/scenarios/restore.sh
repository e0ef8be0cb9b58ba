#!/bin/bash
# What an operator does: lists, looks, restores whole and in part, from both zones, one zone, a damaged one, on a bare host.
# shellcheck disable=SC2016,SC2086 # what `eval` gets is expanded there; $c and $one are several words
set -u

agent=$NIGHTFOLD_BIN/nightfold-agent restore=$NIGHTFOLD_BIN/nightfold-restore keys=$NIGHTFOLD_BIN/nightfold-keys
number=0
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

# exits STATUS MESSAGE COMMAND...: the status, and a part of what it says on either output
exits() {
	status=$1 message=$2
	shift 2
	"$@" >out 2>err
	got=$?
	[ "$got" -eq "$status" ] && { [ -z "$message" ] || cat out err | grep -aqF -- "$message"; } && return
	sed 's/^/# /' out err | head -40
	echo "# exit $got, not $status with '$message': $*"
	return 1
}

# json PYTHON: an expression over `d`, what `out` holds, is true
json() {
	python3 -c 'import json, sys; d = json.load(open("out")); sys.exit(not ('"$1"'))' || { sed 's/^/# /' out | head -20; return 1; }
}

# Everything about a tree but the times of change and of access, and hard links by number: which names are one file.
print_tree() {
	(cd "$1" && find . -mindepth 1 -printf '%P|%y|%m|%U|%G|%s|%T@|%l|%n\n' | grep -av '|d|' | sort
		find . -printf '%P|%y|%m|%U|%G|%T@\n' | grep -a '|d|' | sort
		find . -type f -print0 | sort -z | xargs -0 sha256sum
		find . -type f -printf '%i %P\n' | sort -k2 | awk '{ if (!($1 in n)) n[$1] = $2; print n[$1], $2 }')
}
same() {
	print_tree "$1" >a.tree
	print_tree "$2" >b.tree
	cmp -s a.tree b.tree || { diff a.tree b.tree | sed 's/^/# /' | head -20; return 1; }
}

cd "$TMPDIR" || exit 1
mkdir az1 az2 source source/many source/links source/deep
for i in $(seq 300); do printf 'message %s of many\n' "$i" >"source/many/$i.txt"; done
head -c 9000000 /dev/urandom >source/large
seq 400000 >source/numbers
: >source/empty
ln source/large source/links/large-again
ln source/many/7.txt source/links/seven
ln source/many/7.txt source/links/seven-too
ln -s ../large source/links/soft
mkfifo source/links/fifo
truncate -s 3M source/sparse
printf here | dd of=source/sparse bs=1 seek=2000000 conv=notrunc status=none
printf x >source/$'odd\nname \xff'
chmod 4711 source/empty
chmod 700 source/deep
mkdir -p source/deep/a/b
echo inner >source/deep/a/b/file
touch -d '2020-02-02 02:02:02.123456789' source/deep/a/b source/deep source/many/5.txt

"$keys" init --dir keys >/dev/null
"$keys" init --dir foreign >/dev/null
cat >nightfold.yaml <<YAML
state: $PWD/state
agent_key: $PWD/keys/agent.key
operator_key: $PWD/keys/operator.key
test_clock: true
zones:
  - {name: ams-1, url: "file://$PWD/az1", jurisdiction: nl}
  - {name: ams-2, url: "file://$PWD/az2", jurisdiction: nl}
recipients:
  - {name: operator, key: $PWD/keys/operator.pub}
products:
  - {name: messaging, backup: 3 months}
datasets:
  - {name: sms, product: messaging, class: message, source: {type: files, path: $PWD/source}}
YAML
c="--config nightfold.yaml"
export NIGHTFOLD_TEST_NOW=2026-11-21T02:00:00Z
check "a first night" exits 0 "" "$agent" run $c
cp -a source first
echo new >source/many/new.txt
rm source/many/9.txt
chmod 600 source/numbers
export NIGHTFOLD_TEST_NOW=2026-11-22T02:00:00Z
check "and a second" exits 0 "" "$agent" run $c

# ---- looking ----

check "list needs no key" exits 0 "sms@2026-11-22T02:00:00Z" "$restore" list $c
check "list gives an array" exits 0 "" "$restore" list sms $c --json
check "of all that was promised" json 'len(d) == 2 and d[0]["dataset"] == "sms" and d[0]["taken_at"] == "2026-11-21T02:00:00Z" and
	d[0]["expires_at"] == "2027-02-21T02:00:00Z" and d[0]["files"] >= 305 and d[0]["bytes"] > 9000000 and
	d[0]["zones"] == ["ams-1", "ams-2"] and d[0]["state"] == "live" and len(d[0]["id"]) == 32'
id=$(python3 -c 'import json; print(json.load(open("out"))[0]["id"])')
check "an unknown dataset is a mistake" exits 2 "smx" "$restore" list smx $c
for order in taken:taken_at expires:expires_at size:bytes; do
	check "a list is sorted by ${order%:*}" exits 0 "" "$restore" list --all --sort "${order%:*}" $c --json
	check "... as it should be" json "len(d) > 1 and d == sorted(d, key=lambda s: s['${order#*:}'])"
done
check "an order that is none is a mistake" exits 2 "taken" "$restore" list --sort age $c
check "as words it is one table" exits 0 "" "$restore" list --sort size $c
check "with one title" test "$(grep -c '^ID' out)" = 1
check "ls shows a part" exits 0 "many/5.txt" "$restore" ls sms@latest many $c
check "and nothing else" eval '! grep -aq numbers out'
check "ls shows odd names so that they harm no terminal" exits 0 'odd\x0Aname \xFF' "$restore" ls sms@latest $c
check "ls --json gives every entry" exits 0 "" "$restore" ls "$id" $c --json
check "with its attributes" json 'len(d) == '"$(find first -printf x | wc -c)"' and
	[e for e in d if e["path"] == "deep/a/b"][0]["mtime_ns"] == 123456789 and
	[e for e in d if e["path"] == "links/soft"][0]["target"] == "../large" and
	any(e.get("path_hex") for e in d)'
check "ls of what is not there" exits 1 "there is no 'nope'" "$restore" ls sms@latest nope $c
check "cat prints a file" eval '"$restore" cat sms@2026-11-21 numbers $c | cmp - first/numbers'
check "cat prints holes as zeros" eval '"$restore" cat "$id" ./sparse $c | cmp - first/sparse'
check "cat follows a hard link" eval '"$restore" cat "${id:0:6}" /links/large-again $c | cmp - first/large'
check "cat of a folder is a mistake" exits 2 "no file but a folder" "$restore" cat sms@latest many $c
check "find names the snapshots that have a file" exits 0 "" "$restore" find '9.txt' $c --json
check "which is the first alone" json 'len(d) == 1 and d[0]["snapshot"]["taken_at"] == "2026-11-21T02:00:00Z" and d[0]["path"] == "many/9.txt"'
check "find by path" exits 0 "many/new.txt" "$restore" find 'many/new*' $c
check "find of nothing" exits 0 "nothing in any live snapshot" "$restore" find 'no-such-*' $c
check "diff" exits 0 "1 added, 1 removed, 2 changed" "$restore" diff sms@2026-11-21 sms@latest $c
check "names what changed" eval 'grep -aqx "+ many/new.txt" out && grep -aqx -- "- many/9.txt" out && grep -aqx "M numbers  (mode)" out'
check "diff as JSON" exits 0 "" "$restore" diff sms@2026-11-21 sms@latest $c --json
check "says the same" json '[e["change"] for e in d if e["path"].startswith("many/")] == ["removed", "added"]'

# ---- restoring ----

check "a snapshot is restored whole" exits 0 "the fingerprint of every file" "$restore" restore sms@2026-11-21 --to all $c
check "with every attribute" same first all
check "and no marker stays" eval '! ls -A all | grep -q nightfold'
check "into a folder with something in it only when told so" exits 6 "not empty" "$restore" restore sms@latest --to all $c
check "then over it" exits 0 "" "$restore" restore sms@latest --to all --overwrite $c --json
check "told in full" json 'd["files"] >= 305 and d["lost"] == 0 and d["read_from"]["ams-1"] > 9000000 and
	d["read_from"]["ams-2"] == 0 and d["findings"] == [] and d["exit"] == 0 and d["snapshot"]["dataset"] == "sms"'
rm all/many/9.txt # what only the first night had stays
touch -r source/many all/many
check "as the source is now" same source all
for zone in ams-1 ams-2; do
	check "from $zone alone, read back" exits 0 "read back and compared" "$restore" restore "$id" --to "only-$zone" --zone $zone --read-back $c
	check "the same" same first "only-$zone"
done
check "an unknown zone is a mistake" exits 2 "ams-1 and ams-2" "$restore" restore sms@latest --to x --zone ams-3 $c
check "a part with the folders on its way" exits 0 "1 file, 4 folders" "$restore" restore sms@latest deep/a/b links/fifo --to part $c
check "which have their attributes" eval '[ "$(stat -c %a.%Y part/deep)" = "$(stat -c %a.%Y source/deep)" ]'
check "and nothing else" eval '[ "$(ls part)" = "deep
links" ] && [ -p part/links/fifo ]'
check "hard links whose file is outside of the part" exits 0 "" "$restore" restore sms@latest links --to links-only --read-back $c
check "become the file, and its links" eval 'cmp source/large links-only/links/large-again && cmp source/many/7.txt links-only/links/seven &&
	[ links-only/links/seven -ef links-only/links/seven-too ]'
check "a path that is not there ends it before anything is made" exits 1 "no 'nope'" "$restore" restore sms@latest nope --to none $c
check "really" test ! -e none
check "into a zone it is refused" exits 6 "lies in zone" "$restore" restore sms@latest --to az1/../az1/plain $c
check "a listing ends where nobody reads on" eval '"$restore" find "*" $c 2>err | head -c 10 >/dev/null; [ "${PIPESTATUS[0]}" = 0 ] && [ ! -s err ]'
check "a full disk is told, once" eval '! "$restore" cat sms@latest numbers $c 2>err >/dev/full && [ "$(wc -l <err)" = 1 ]'
check "a dry run says what it would take" exits 0 "expected time" "$restore" restore sms@latest --to none/at/all --dry-run $c
check "and makes nothing" test ! -e none
check "as JSON" exits 0 "" "$restore" restore sms@latest --to none --dry-run $c --json
check "too" json 'd["fits"] and d["dry_run"] and d["content_bytes"] < d["bytes"] and d["free_bytes"] > d["disk_bytes"]'
check "--to is needed" exits 2 "--to DIR" "$restore" restore sms@latest $c

# ---- interrupted: the file size limit kills it when it comes to the large file ----

{ (ulimit -c 0; ulimit -f 5000; exec "$restore" restore "$id" --to broken $c); } >/dev/null 2>&1
check "a killed restore leaves its marker" test -e "broken/.nightfold-restore.$id"
check "another snapshot does not mix with it" exits 6 "not empty" "$restore" restore sms@latest --to broken $c
check "the same command goes on" exits 0 "an interrupted restore was resumed" "$restore" restore "$id" --to broken $c
check "to the same end" same first broken

# ---- naming, keys ----

check "a day without a snapshot names its neighbours" exits 1 "(${id:0:8})" "$restore" ls sms@2026-11-20 $c
check "an id is found in all datasets" exits 0 "" "$restore" ls "${id:0:8}" $c
check "an unknown id" exits 1 "0123456789" "$restore" ls 0123456789 $c
check "nonsense is a mistake" exits 2 "names no snapshot" "$restore" ls sms@yesterday $c
check "another operator's key says so" exits 1 "this key" "$restore" ls sms@latest --key foreign/operator.key $c
check "and whose key it takes" grep -q "among its recipients, which are operator" err
check "the agent's key opens nothing" exits 2 "opens no snapshot" "$restore" ls sms@latest --key keys/agent.key $c
chmod 644 foreign/operator.key
check "an open key file is refused" exits 6 "foreign/operator.key" "$restore" ls sms@latest --key foreign/operator.key $c

# ---- a bare host ----

unset NIGHTFOLD_TEST_NOW
mkdir bare1 bare2 nothing
sed -e "s|$PWD/az|$PWD/bare|; s|$PWD/state|$PWD/bare.state|; s|test_clock: true|clock_check: off|" nightfold.yaml >bare.yaml
"$agent" run --config bare.yaml >/dev/null
one="--zone-url file://$PWD/bare1 --signer keys/agent.pub"
check "one zone, a key and a signer are enough" exits 0 "" "$restore" restore sms@latest --to bare $one --key keys/operator.key
check "for everything" same source bare
check "list finds the datasets" exits 0 "" "$restore" list $one --zone-url "file://$PWD/bare2" --json
check "by themselves" json 'len(d) == 1 and d[0]["dataset"] == "sms" and d[0]["zones"] == ["zone-1", "zone-2"]'
ln -s nowhere bare1/sms/packs/link
check "and look at no pack for that" eval 'exits 0 "sms@" "$restore" list $one && [ ! -s err ]'
rm bare1/sms/packs/link
check "one zone given twice is refused" exits 2 "are one place" "$restore" list $one --zone-url "file://$PWD/../${PWD##*/}/bare1"
check "but for a signer" exits 2 "--signer" "$restore" list --zone-url "file://$PWD/bare1"
check "a configuration as well is a mistake" exits 2 "not both" "$restore" list $one $c
check "what nobody trusted has signed is not shown" exits 3 "ignored" "$restore" list --zone-url "file://$PWD/bare1" --signer foreign/agent.pub
check "an empty zone has no dataset" exits 1 "nothing in" "$restore" list --zone-url "file://$PWD/nothing" --signer keys/agent.pub
export NIGHTFOLD_TEST_NOW=2026-11-22T02:00:00Z
check "a test's clock needs the configuration's leave" exits 2 "test_clock" "$restore" list --zone-url "file://$PWD/az1" --signer keys/agent.pub

# ---- damage ----

largest() { find "$1/sms/packs" -type f -printf '%s %P\n' | sort -n | tail -1 | cut -d' ' -f2; }
pack=$(largest az1)
flip() { # a byte in the middle of the largest pack
	python3 - "$1/sms/packs/$pack" <<'PY'
import os, sys
os.chmod(sys.argv[1], 0o600)
with open(sys.argv[1], "r+b") as f:
    f.seek(os.path.getsize(sys.argv[1]) // 2)
    byte = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([byte[0] ^ 1]))
PY
}
cp -a az1 az1.good
flip az1
check "a flipped bit in one zone is told, and the other zone has it" exits 3 "$pack" "$restore" restore "$id" --to flipped $c
check "so all is there" same first flipped
rm "az1/sms/packs/$pack"
check "a missing pack likewise" exits 3 "$pack" "$restore" restore "$id" --to missing $c
check "so all is there" same first missing
cp -a az2 az2.good
flip az2
check "the same in both zones loses a file" exits 4 "large" "$restore" restore "$id" --to lost $c
check "with its links, which are named" eval 'grep -q "error: large:" err && grep -q "error: links/large-again: is a hard link" err'
rm -f first/large first/links/large-again
touch -r links-only/links first/links
check "of which nothing stays" eval '[ ! -e lost/large ] && [ ! -e lost/links/large-again ] && ! ls -A lost | grep -q nightfold'
check "and the rest is restored" eval 'touch -r lost first; touch -r lost/links first/links; same first lost'
check "cat of it fails" exits 4 "not to be used" "$restore" cat "$id" large $c
rm -rf az1 az2
mv az1.good az1
check "a zone that is away" exits 3 "ams-2" "$restore" restore "$id" --to away $c
mv az2.good az2
seal=$(cd az1/sms/seals && ls "$id".*)
printf x >>"az1/sms/seals/$seal"
check "a damaged seal is told, the other zone's opens" exits 3 "$seal" "$restore" ls "$id" $c
rm "az1/sms/seals/$seal"
check "a missing one likewise" exits 3 "seal" "$restore" ls "$id" $c
other=$(find az2/sms/seals -type f ! -name "$id*" -printf %f)
rm "az2/sms/seals/$seal"
cp "az2/sms/seals/$other" "az2/sms/seals/$seal"
check "another snapshot's seal under its name is refused" exits 4 "seal" "$restore" ls "$id" $c

# ---- retention ----

export NIGHTFOLD_TEST_NOW=2027-02-21T03:00:00Z
check "what has expired is not restored" exits 6 "its retention is over" "$restore" restore "$id" --to expired $c
check "nor listed" exits 0 "" "$restore" list $c --json
check "as live" json '[s["state"] for s in d] == ["live"]'
check "only with --all" exits 0 "expired" "$restore" list --all $c
echo "1..$number"
