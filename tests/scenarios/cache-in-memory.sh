#!/bin/bash
# `cache_key: memory`: what opens the key cache is on a tmpfs and nowhere in `state`. When that is gone, as after a restart, the next
# night reads every file again, stores nothing twice, and says so.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

if [ "$(stat -f -c %T /dev/shm)" != tmpfs ] || [ ! -w /dev/shm ]; then
	skip "the key cache's keys are in memory" "/dev/shm is no tmpfs to write to"
	finish
	exit
fi
memory=$(mktemp -d -p /dev/shm nightfold-test.XXXXXX)
trap 'rm -rf "$memory"' EXIT
new_place "$TMPDIR/place" "memory_dir: $memory/nightfold"
add_dataset sms "$TMPDIR/source" "cache_key: memory" "chunk: 64 KiB"
mkdir -p source/small
messages 1 3000 >source/stays.jsonl
messages 2 3000 >source/deleted.jsonl
messages 3 200 | split -l 2 - source/small/
sleep 0.1 # the cache trusts no file that changed just now
tool=$SRC/tests/tools/chunk_keys.py
in_memory() { echo "$memory"/nightfold/sms-*/keys-1; }
search() {
	"$tool" search "$@" | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}
# What lies in state opens no shard: there is no key of one in it, and no file that says it holds some.
state_opens_nothing() {
	"$tool" shards "$(in_memory)" >shard.keys && [ -s shard.keys ] && search shard.keys place/state place/keys &&
		[ -z "$("$tool" cached place/state/sms/keys-1)" ] && ! grep -rlF NFKEYS1 place/state
}

at 2026-11-21T02:00:00Z
check "a first night" exits 0 agent run
check "finds nothing that was lost" not grep -q "key cache" out
check "the keys are in memory" eval '[ -s "$(in_memory)/keys" ] && [ "$(ls -A "$(in_memory)")" = keys ]'
check "for the agent's user alone" eval '[ "$(stat -c %a "$memory/nightfold" "$(in_memory)" "$(in_memory)/keys" | tr "\n" " ")" = "700 700 600 " ]'
check "the shards are in state" eval 'ls place/state/sms/keys-1/*.shard >/dev/null'
check "what is in state opens none of them" state_opens_nothing
newest=$(restore list sms --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[-1]["id"])')
"$tool" reached --zone place/az1 --dataset sms --key place/keys/operator.key --snapshot "$newest" >present.keys
check "and has no key of what is present" search present.keys place/state
mkdir together && cp place/state/sms/keys-1/*.shard "$(in_memory)/keys" together/
check "both together do open them, so that the search can see" eval '"$tool" cached together >opened && grep -qF -f <(cut -d" " -f1 present.keys) opened'

sleep 1
at 2026-11-22T02:00:00Z
check "a second night" exits 0 agent run
at 2026-11-23T02:00:00Z
check "and one more" exits 0 agent run --json
check "read nothing, nor lost anything" json 'j["read_bytes"] == 0 and j["unchanged_files"] == 102 and not j["cache_lost"]'

# ---- a restart ----

uploaded() { "$SRC/tests/tools/uploads.py" "$1" sms uploads place/az1 place/az2; }
uploaded note
rm -rf "$memory/nightfold"
at 2026-11-24T02:00:00Z
check "when the memory is gone, the next night works" exits 0 agent run --json
check "reads every file again, and stores nothing" json \
	'j["cache_lost"] and j["read_files"] == 102 and j["unchanged_files"] == 0 and j["new_chunks"] == 0 and j["packs"] == 0'
check "no content was uploaded twice" uploaded again
check "what is in state opens no shard" state_opens_nothing
rm -rf "$memory/nightfold"
at 2026-11-25T02:00:00Z
check "and so once more" exits 0 agent run
check "which the summary says" says "the keys of the key cache were gone from memory"
at 2026-11-26T02:00:00Z
check "the night after" exits 0 agent run --json
check "reads nothing" json 'j["read_bytes"] == 0 and not j["cache_lost"]'

# ---- forgetting, and kills ----

cp -a "$(in_memory)" before
rm source/deleted.jsonl
at 2026-11-27T02:00:00Z
ln "$(in_memory)/keys" "$memory/spy"
check "a file is deleted, and a night runs" exits 0 agent run
check "the keys of before were overwritten" eval '! tr -d "\0" <"$memory/spy" | grep -q .'
rm "$memory/spy"
cp -a place kept && cp -a "$memory/nightfold" memory-kept
moment=0 bad=""
while moment=$((moment + 1)); do
	rm -rf place "$memory/nightfold"
	cp -a kept place && cp -a memory-kept "$memory/nightfold"
	messages 9 50 >source/new.jsonl
	at 2026-11-28T02:00:00Z
	faulty kill "$moment" "$memory" agent run >last 2>&1
	[ $? = 137 ] || break
	rm source/new.jsonl
	at 2026-11-28T03:00:00Z
	agent run --json >last 2>&1 || bad="$bad moment $moment: the next run fails;"
	grep -q '"cache_lost":false' last || bad="$bad moment $moment: the cache was lost;"
	[ -z "$("$tool" cached place/state/sms/keys-1)" ] || bad="$bad moment $moment: state opens shards;"
	[ "$(ls -A "$(in_memory)")" = keys ] || bad="$bad moment $moment: $(ls -A "$(in_memory)") is left;"
done
check "killed at each of $((moment - 1)) changes in memory" test "$moment" -ge 4
check "a run leaves a cache that the next one uses, and nothing else" eval '[ -z "$bad" ] || { echo "# $bad"; false; }'
rm -f source/new.jsonl

# ---- to and fro ----

rm -rf place "$memory/nightfold"
cp -a kept place && cp -a memory-kept "$memory/nightfold"
sed -i 's/cache_key: memory/cache_key: disk/' "$config"
at 2026-11-29T02:00:00Z
check "with cache_key: disk" exits 0 agent run
check "the keys are in state" test -s place/state/sms/keys-1/keys
check "and those in memory are gone" eval '[ -z "$(find "$memory" -type f)" ]'
ln place/state/sms/keys-1/keys spy
sed -i 's/cache_key: disk/cache_key: memory/' "$config"
at 2026-11-30T02:00:00Z
check "with cache_key: memory again" exits 0 agent run
check "what was on the disk was overwritten" eval '! tr -d "\0" <spy | grep -q .'
check "and opens nothing any more" state_opens_nothing
check "keys rotate" exits 0 keys rotate --dataset sms --config "$config"
at 2026-12-01T02:00:00Z
check "and a night" exits 0 agent run
check "leave only the new epoch's in memory" eval '[ "$(find "$memory" -type f | sed "s|.*/keys-|keys-|")" = keys-2/keys ]'

# ---- where it may be ----

add_dataset shm "$memory"
check "a source that holds the folder" exits 0 agent run shm
check "is taken without it" eval 'exits 0 restore ls shm@latest && not grep -q nightfold/ out'
chmod 755 "$memory"/nightfold/sms-*/keys-2
check "a folder that others can look into is refused" tells 6 "is another user's or open to others" agent run sms
chmod 700 "$memory"/nightfold/sms-*/keys-2
if [ "$(stat -f -c %T "$TMPDIR")" = tmpfs ]; then
	skip "a folder on a disk is refused" "the temporary folder is in memory"
else
	sed -i "s|^memory_dir:.*|memory_dir: $TMPDIR/place/not/in/memory|" "$config"
	check "a folder on a disk is refused" tells 6 "place/not/in/memory/sms-" agent run sms
	check "with the reason" warns "is not in memory: what is kept there must be on tmpfs or ramfs, as /run is"
	check "nothing was made there" test ! -e place/not
	check "check-config says it, with the line" tells 2 "cache_key: memory: '$TMPDIR/place/not/in/memory' is not in memory" agent check-config
fi
finish
