#!/bin/bash
# nightfold-verify check as people run it: two real nights, then damage in one zone and in both, on a configured and on a bare host.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u

verify=$NIGHTFOLD_BIN/nightfold-verify
number=0
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

# exits STATUS MESSAGE COMMAND...: the status, and a part of what it says
exits() {
	status=$1 message=$2
	shift 2
	"$@" >out 2>err
	got=$?
	[ "$got" -eq "$status" ] && { [ -z "$message" ] || grep -qF -- "$message" out err; } && return
	sed 's/^/# /' out err
	echo "# exit $got, not $status with '$message'"
	return 1
}

# finding KIND ZONE OBJECT: is in the JSON in `out`
finding() {
	python3 - "$@" <<'END' || { sed 's/^/# /' out; return 1; }
import json, sys
kind, zone, thing = sys.argv[1:]
with open("out") as f:
    found = [x for d in json.load(f) for x in d["findings"]]
sys.exit(not any((x["kind"], x["zone"] or "", x["object"]) == (kind, zone, thing) for x in found))
END
}

flip() {
	python3 - "$1" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    f.seek(len(data) // 2)
    f.write(bytes([data[len(data) // 2] ^ 1]))
END
}

# The largest pack holds content.
content() {
	(cd "$1" && find sms/packs -type f -printf '%s %p\n' | sort -rn | sed -n '1s/^[0-9]* //p')
}

cd "$TMPDIR" || exit 1
mkdir az1 az2 source
"$NIGHTFOLD_BIN/nightfold-keys" init --dir keys >log || exit 1
head -c 3000000 /dev/urandom >source/large
for i in $(seq 200); do seq "$i" $((i * 20)) >"source/file-$i"; done
cat >nightfold.yaml <<END
state: $TMPDIR/state
agent_key: $TMPDIR/keys/agent.key
validator_key: $TMPDIR/keys/validator.key
clock_check: off
zones:
  - {name: ams-1, url: "file://$TMPDIR/az1"}
  - {name: ams-2, url: "file://$TMPDIR/az2"}
recipients:
  - {name: operator, key: $TMPDIR/keys/operator.pub}
  - {name: validator, key: $TMPDIR/keys/validator.pub}
products:
  - {name: messaging, backup: 3 months}
datasets:
  - {name: sms, product: messaging, class: message, source: {type: files, path: $TMPDIR/source}}
END
night() { "$NIGHTFOLD_BIN/nightfold-agent" run --config nightfold.yaml >>log 2>&1; }
at() { "$verify" check --config nightfold.yaml "$@"; }
bare() { "$verify" check --zone-url "file://$TMPDIR/az1" --zone-url "file://$TMPDIR/az2" --signer keys/agent.pub "$@"; }

check "a first night" night
echo more >>source/file-7
rm source/file-9
check "a second night" night
check "the list is well" exits 0 "2 snapshots in 2 zones at level list" at --level list
check "so are the fingerprints, by default" exits 0 "at level fingerprint" at sms
check "so is the data" exits 0 "all is well" at --level data
check "a bare host needs zones and a public key" exits 0 "all is well" bare sms
check "and opens data with any recipient's key" exits 0 "all is well" bare --level data --key keys/operator.key sms
for i in 1 2 3; do check "slice $i of 3" exits 0 "slice $i/3" at --level data --slice $i/3; done

check "an agent's key opens nothing" exits 1 "opens nothing" at --level data --key keys/agent.key
"$NIGHTFOLD_BIN/nightfold-keys" init --dir others >>log
check "another validator's key says so" exits 1 "sealed to this key" at --level data --key others/validator.key
check "another agent's public key trusts nothing" exits 4 "" "$verify" check --zone-url "file://$TMPDIR/az1" --signer others/agent.pub sms
check "level" exits 2 "deep" at --level deep
check "slice" exits 2 "is no slice" at --slice 3/2
check "dataset" exits 2 "voice" at voice
check "a bare host must name the dataset" exits 2 "names of the datasets" bare
check "a bare host needs a signer" exits 2 "needs --signer" "$verify" check --zone-url "file://$TMPDIR/az1" sms
check "data needs a key" exits 2 "--key FILE" bare --level data sms
check "a zone twice is refused" exits 2 "" "$verify" check --zone-url "file://$TMPDIR/az1" --zone-url "file://$TMPDIR/az1/../az1" \
	--signer keys/agent.pub sms
check "one or the other" exits 2 "exclude each other" bare --config nightfold.yaml sms

pack=$(content az1)
flip "az1/$pack"
check "a flipped bit is not in the list" exits 0 "" at --level list
check "but its fingerprint shows it" exits 4 "" at --json
check "by name" finding damaged ams-1 "$pack"
check "repair heals it" exits 0 "all that was wrong is healed" at --repair
check "byte for byte" diff -r -x NIGHTFOLD-ZONE az1 az2

truncate -s -1 "az2/$pack"
index=$(cd az2 && find sms/index -type f | sort | sed -n 1p)
header=$(cd az2 && find sms/snapshots -type f | sort | sed -n 2p)
flip "az2/$index"
rm "az2/$header"
rm -r az1/sms/seals
check "damage of all kinds in both zones" exits 4 "" at --level list --json
check "the pack" finding damaged ams-2 "$pack"
check "the index" finding damaged ams-2 "$index"
check "the header" finding missing ams-2 "$header"
check "is healed crosswise" exits 0 "all that was wrong is healed" at --repair
check "byte for byte again" diff -r -x NIGHTFOLD-ZONE az1 az2

rm -r az2/sms
check "an emptied zone" exits 4 "" at
check "is filled" exits 0 "" at --repair
check "and stands alone" exits 0 "all is well" "$verify" check --zone-url "file://$TMPDIR/az2" --signer keys/agent.pub --level data \
	--key keys/validator.key sms

mv az2 away
check "a zone that is away is no damage" exits 3 "unavailable" at
mv away az2

flip "az1/$pack"
flip "az2/$pack"
check "the same damage in both zones is a loss" exits 4 "lost" at --repair
check "and the files are named" exits 4 "" at --level data --json
check "with the one that is lost" finding lost "" large
check "and the others are not lost" eval '! grep -q "\"object\":\"file-1\"" out'

check "a pack that nobody indexed is told, and no business of a check" eval '
	mkdir -p az1/sms/packs/00 && name=$(printf x | sha256sum | cut -c1-64) &&
	mkdir -p az1/sms/packs/${name:0:2} && printf x >az1/sms/packs/${name:0:2}/$name &&
	exits 4 "deleted after the grace" at --repair && test -e az1/sms/packs/${name:0:2}/$name'
echo "1..$number"
