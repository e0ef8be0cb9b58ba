#!/bin/bash
# A dataset with `dedup: none`: random keys, which nothing that can be guessed leads to; what is unchanged is still
# neither read nor sent, and every reader opens it.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB" "dedup: none"
zone=place/az1
mkdir -p source/small source/bare
messages 1 4000 >source/one.jsonl
cp source/one.jsonl source/same.jsonl
messages 2 200 | split -l 2 - source/small/
for i in $(seq 3000); do ln -s nowhere "source/bare/$i"; done

# The ids of content that some seal leads to.
content_ids() {
	reader --zone "$zone" --dataset sms --key place/keys/operator.key --all-reachable |
		grep '"content".*true' | cut -d'"' -f4 | sort
}
guessable() {
	"$SRC/tests/tools/chunk_keys.py" guessable --zone "$zone" --dataset "${1:-sms}" --key place/keys/operator.key \
		--dataset-key place/keys/"${1:-sms}".*.dataset-key
}

at 2026-11-21T02:00:00Z
check "a first night" exits 0 agent run --json
check "two equal files are stored twice" json 'j["new_bytes"] > 2 * '"$(stat -c %s source/one.jsonl)"
content_ids >night1
sleep 0.2 # times that the cache trusts

at 2026-11-22T02:00:00Z
check "a night in which nothing changed" exits 0 agent run --json
check "reads nothing and stores nothing" json 'j["read_bytes"] == 0 and j["new_bytes"] == 0 and j["packs"] == 0'

cp source/one.jsonl copy && cat copy >source/one.jsonl
echo one more >source/small/aa
sleep 0.2
at 2026-11-23T02:00:00Z
check "a night after one file was rewritten as it was, and a small one changed" exits 0 agent run --json
check "stores the one again, and not the other of the same content" json \
	"$(stat -c %s source/one.jsonl) <= j['new_bytes'] < 2 * $(stat -c %s source/one.jsonl)"
content_ids >night3
check "nothing that was there was stored under its old id" eval '[ "$(sort -u night3 | wc -l)" = "$(wc -l <night3)" ]'

guessable >guessed
check "with the dataset key and all content in hand, no chunk can be told to be there" cmp guessed /dev/null
add_dataset other "$TMPDIR/source"
at 2026-11-23T03:00:00Z
check "the same data with deduplication" exits 0 agent run other
guessable other >guessed
check "can be told, content and nodes of bare names" eval 'grep -q content guessed && grep -q node guessed'

check "the data is checked" exits 0 verify check --level data sms
check "it is restored" exits 0 restore restore sms@latest --to restored
check "as it was" compare source restored
check "a reader by the book restores it too" reader --zone $zone --dataset sms --key place/keys/operator.key \
	--signer place/keys/agent.pub --to by-the-book
check "as it was, too" compare source by-the-book

at 2027-03-21T02:00:00Z
check "months later the first snapshots are destroyed" exits 0 agent run --json
content_ids >left
check "nothing leads to the rewritten file's first chunks any more" eval '[ -n "$(comm -13 left night1)" ]'
check "what is left is whole" exits 0 verify check --level data
finish
