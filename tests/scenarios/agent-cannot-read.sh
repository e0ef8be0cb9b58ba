#!/bin/bash
# The agent cannot read its own backups: once a file is deleted and a night has run, nothing that the agent has kept opens what only
# older snapshots hold, also when that run was killed and repeated. Nor does its program contain the code that opens a seal.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB"
tool=$SRC/tests/tools/chunk_keys.py

# The operator's side knows which keys only older snapshots have: forgotten.keys. The agent's present ones are in newest.keys.
know_keys() {
	local newest old
	newest=$(restore list sms --json | /usr/bin/python3 -c 'import json, sys; print(*(s["id"] for s in json.load(sys.stdin)))') || return
	: >old.keys
	for old in ${newest% *}; do
		"$tool" reached --zone place/az1 --dataset sms --key place/keys/operator.key --snapshot "$old" >>old.keys || return
	done
	"$tool" reached --zone place/az1 --dataset sms --key place/keys/operator.key --snapshot "${newest##* }" >newest.keys || return
	grep -v -F -f <(cut -d' ' -f1 newest.keys) old.keys | sort -u >forgotten.keys
	[ "$(cut -d' ' -f3 forgotten.keys | sort -u | tr '\n' ' ')" = "content node " ] || explain "nothing was forgotten"
}

# Everything that the agent kept, and everything that can be opened with what it kept.
search() {
	"$tool" search "$1" place/state place/agent-keys unlocked | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

unlock_cache() {
	rm -rf unlocked cached.keys
	mkdir unlocked
	"$tool" cached place/state/sms/keys-1 >cached.keys && cp cached.keys unlocked/
}

# The agent's machine holds no operator's key; what it has beside its state is this.
mkdir -p place/agent-keys
keys init --dir place/agent-keys --role agent >/dev/null
cp place/agent-keys/agent.pub place/keys/agent.pub
cp place/keys/operator.pub place/keys/validator.pub place/agent-keys/
sed -i "s|^agent_key:.*|agent_key: $TMPDIR/place/agent-keys/agent.key|" "$config"

mkdir -p source/small
messages 1 3000 >source/stays.jsonl
messages 2 3000 >source/deleted.jsonl
messages 3 200 | split -l 2 - source/small/
at 2026-11-21T02:00:00Z
check "a first night" exits 0 agent run

rm source/deleted.jsonl source/small/a[a-f]
at 2026-11-22T02:00:00Z
check "files are deleted, and a further night runs" exits 0 agent run
check "the operator knows keys that only the old snapshot has" know_keys
check "the keys in the agent's cache can be had" unlock_cache
check "they are those of what is present" eval 'cut -d" " -f1 newest.keys | sort >a; cut -d" " -f1 cached.keys | sort -u | comm -13 a - | cmp - /dev/null'
check "and they do open it, so that the search that follows can see" eval 'grep content newest.keys >present; not search present >/dev/null'
check "nowhere in the agent's files is a key that only the old snapshot has, raw or in hexadecimal" search forgotten.keys
cut -d' ' -f1 forgotten.keys | sort >forgotten
check "every key of the cache is tried on every blob: none of the old snapshot's opens" eval \
	'"$tool" opens cached.keys --packs place/az1/sms/packs --dataset sms | sort >opened && [ -s opened ] && ! comm -12 opened forgotten | grep .'
check "the operator's keys do open them" eval \
	'"$tool" opens forgotten.keys --packs place/az1/sms/packs --dataset sms | sort | cmp - forgotten'

# Killed at any moment, and repeated: the old cache, and what a killed run left of the new one, are gone.
night=23 killed=0
for moment in 0.005 0.02 0.04 0.06 0.08 0.11 0.15 0.2; do
	messages "$night" 3000 >source/deleted.jsonl
	head -c 2000000 /dev/urandom >source/deleted.bin
	messages "$night" 20 | split -l 2 - source/small/new
	at "2026-11-${night}T02:00:00Z"
	exits 0 agent run || echo "not ok $((number += 1)) - night $night"
	rm source/deleted.* source/small/new*
	head -c 8000000 /dev/urandom >source/rewritten.bin # so that the next run has work to be killed at
	at "2026-11-${night}T12:00:00Z"
	"$NIGHTFOLD_BIN/nightfold-agent" run --config "$config" >/dev/null 2>&1 &
	sleep "$moment"
	kill -9 $!
	wait $! 2>/dev/null
	[ $? != 137 ] || killed=$((killed + 1))
	at "2026-11-${night}T12:30:00Z"
	check "the run after the deletion, killed after $moment s, is repeated" exits 0 agent run
	know_keys
	unlock_cache
	check "and leaves no key that only older snapshots have" search forgotten.keys
	night=$((night + 1))
done
check "some of these runs were killed before their end" test "$killed" -ge 2

# The worst moment lasts microseconds: the new keys are in place, the old ones not yet destroyed. So it is made by hand.
messages 99 3000 >source/deleted.jsonl
at 2026-12-10T02:00:00Z
check "a night with one more file" exits 0 agent run
cp -a place/state/sms/keys-1 before
rm source/deleted.jsonl
at 2026-12-11T02:00:00Z
check "and one without it" exits 0 agent run
cp before/keys place/state/sms/keys-1/keys.old
cp -n before/*.shard place/state/sms/keys-1/
know_keys
unlock_cache
check "killed there, the run would leave keys of what was deleted" eval 'not search forgotten.keys >found && grep -q unlocked found'
at 2026-12-11T02:30:00Z
check "the next run" exits 0 agent run
unlock_cache
check "destroys them" search forgotten.keys

# The program itself.
linked() { grep "$2" "$NIGHTFOLD_BIN/nightfold-$1.map" | head -n 3; [ "${PIPESTATUS[0]}" = 0 ]; }
check "the agent's link map has no object that unseals" not linked agent unseal
check "it has one that seals" linked agent '(seal\.o)'
check "that of the restore program has both" linked restore '(unseal\.o)'
symbols() { nm -D "$NIGHTFOLD_BIN/nightfold-$1" | grep -q "$2"; }
check "the agent asks libsodium for nothing that opens a box" not symbols agent 'crypto_box.*open'
check "it asks for what closes one" symbols agent ' crypto_box_seal$'
check "the restore program asks for both" symbols restore ' crypto_box_seal_open$'

# A source that holds the agent's own folders: copies of the keys in them would be kept as long as that snapshot is.
add_dataset everything "$TMPDIR/place"
at 2026-12-12T02:00:00Z
check "a source in which zones, state and keys lie" exits 0 agent run
check "is taken" exits 0 restore ls everything@latest
check "with what is the operators'" eval 'says nightfold.yaml && says keys/agent.pub'
check "without zones, keys of content and dataset keys" not grep -E ' (az[12]|state)/|dataset-key' out
check "and is no larger the next time" eval 'exits 0 agent run --json everything && json "j[\"files\"] < 20"'
sed "s|path: $TMPDIR/place}|path: $TMPDIR/place/az1}|" "$config" >zone.yaml
config=$TMPDIR/zone.yaml
check "a zone is no source" tells 2 "is a zone or the agent's own state folder: name the folder of the data" agent snapshot everything
finish
