#!/bin/bash
# `dedup_key: 12 months`: the run rotates the dataset key when its time is over, also when it is killed at any moment of that, or when
# no zone takes the night.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

backup="10 years" zones_at=$TMPDIR/place/zones
new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "dedup_key: 12 months" "chunk: 64 KiB"
mkdir source
messages 1 3000 >source/large.jsonl
messages 2 40 >source/small.jsonl
keys_there() { (cd place/keys && echo *.dataset-key); }
in_use() { [ "$(keys_there)" = "sms.$1.dataset-key" ] || explain "there are $(keys_there)"; }

at 2026-02-28T02:00:00Z
check "a first night makes a key" exits 0 agent run
check "that says since when it is in use" grep -qE '^nightfold-dataset-key 1 sms 1 2026-02-28T02:00:00Z [0-9a-f]{64}$' \
	place/keys/sms.1.dataset-key
check "status says which, and when it is due" eval \
	'exits 0 agent status && says "dataset key of epoch 1, since 2026-02-28T02:00:00Z, to be rotated on 2027-02-28T02:00:00Z"'
check "in JSON too" eval 'exits 0 agent status --json &&
	json "j[\"datasets\"][0][\"dedup_epoch\"] == 1 and j[\"datasets\"][0][\"dedup_epoch_due\"] == \"2027-02-28T02:00:00Z\""'
at 2027-02-28T01:59:59Z
check "a second before its time is over" exits 0 agent run --json
check "it is in use, and nothing is stored again" json \
	'j["dedup_epoch"] == 1 and not j["dedup_epoch_begun"] and j["new_bytes"] < 10000'
cp -a place before

at 2027-02-28T02:00:00Z
check "status says that the next run rotates it" eval 'exits 0 agent status && says "the next run rotates it"'
check "prune and sync leave it alone" eval 'exits 0 agent prune && exits 0 agent sync && in_use 1'
ln place/keys/sms.1.dataset-key spy
check "the run that comes then rotates it" exits 0 agent run
check "says so" says "epoch 2 began, the older key was destroyed"
check "leaves the new one alone" in_use 2
check "which began now" grep -q ' sms 2 2027-02-28T02:00:00Z ' place/keys/sms.2.dataset-key
check "has overwritten the old one" not grep -q nightfold-dataset-key spy
check "and its key cache" test ! -e place/state/sms/keys-1
check "the snapshot comes back" eval 'exits 0 restore restore sms@latest --to back && compare source back'
check "so does the one before, under the old key" eval 'exits 0 restore restore sms@2027-02-28T01:59 --to older && compare source older'
at 2027-03-01T02:00:00Z
check "a day later" exits 0 agent run --json
check "nothing is stored twice under the new one" json 'j["dedup_epoch"] == 2 and j["new_bytes"] < 10000'
check "the zones are sound" exits 0 verify check

# ---- killed at every change to the keys' folder ----

rm -rf place.done && mv place place.done
both=0 moment=0 bad=""
while moment=$((moment + 1)); do
	rm -rf place
	cp -a before place
	at 2027-02-28T02:00:00Z
	faulty kill "$moment" "$TMPDIR/place/keys" agent run >last 2>&1
	status=$?
	[ "$status" = 137 ] || break
	case $(keys_there) in
	sms.1.dataset-key | sms.2.dataset-key) ;;
	"sms.1.dataset-key sms.2.dataset-key") both=$((both + 1)) ;;
	*) bad="$bad moment $moment: $(keys_there);" ;;
	esac
	agent run >last 2>&1 || bad="$bad moment $moment: the next run fails;"
	in_use 2 || bad="$bad moment $moment: $(keys_there) after the next run;"
	[ ! -e place/state/sms/keys-1 ] || bad="$bad moment $moment: the old key cache is still there;"
done
check "killed at each of $((moment - 1)) changes to the folder of keys" test "$moment" -ge 5
check "a run leaves the old key, or the new one, and after the next run the new one is there alone" \
	eval '[ -z "$bad" ] || { echo "# $bad"; false; }'
check "at some moments both were there" test "$both" -ge 1

# ---- when something is against it ----

rm -rf place
cp -a before place
mkdir aside
mv place/zones/* aside/
at 2027-02-28T02:00:00Z
check "with both zones away the run fails" exits 1 agent run
check "and no key is lost" test "$(keys_there)" != '*.dataset-key'
mv aside/* place/zones/
check "the next one does it" eval 'exits 0 agent run && in_use 2'

rm -rf place
cp -a before place
check "with zones that take nothing the run fails" exits 1 faulty full 1 "$TMPDIR/place/zones" agent run
check "and a key is there" test "$(keys_there)" != '*.dataset-key'
check "the next one uses it, or the next" eval 'exits 0 agent run && in_use 2'

rm -rf place
cp -a before place
check "a folder of keys that cannot be written to stops no night, but is told" \
	tells 3 "the dataset key is due to be rotated, as dedup_key says" faulty full 1 "$TMPDIR/place/keys" agent run
check "the key is kept" in_use 1
check "until it can be" eval 'exits 0 agent run && in_use 2'

rm -rf place
cp -a before place
export NIGHTFOLD_TEST_NOW_AMS_1=2026-03-01T00:00:00Z
check "a clock that nothing confirms rotates nothing" tells 3 "nothing is destroyed until they agree" agent run
check "and the key is kept" in_use 1
unset NIGHTFOLD_TEST_NOW_AMS_1

check "rotating by hand begins an epoch now" exits 0 keys rotate --dataset sms --config "$config"
check "by the clock of the test" grep -q ' sms 2 2027-02-28T02:00:00Z ' place/keys/sms.2.dataset-key
check "so the next run has nothing to do about it" eval 'exits 0 agent run --json && json "not j[\"dedup_epoch_begun\"]"'
# Who has the new key alone cannot confirm guesses of what is stored under the old one: no chunk of before is one of after.
check "and stores everything again" json 'j["new_bytes"] > 400000'
sed -i 's/12 months/0 months/' "$config"
check "no time at all is refused" tells 2 "dedup_key: '0 months' is no time at all" agent check-config
finish
