#!/bin/bash
# A dataset with `padding: padme`: no length in clear is exact, and every program and reader takes it.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 64 KiB"
cp "$config" plain.yaml
printf '    %s\n' "padding: padme" >>"$config"
mkdir -p source/small
messages 1 4001 >source/one.jsonl
messages 2 200 | split -l 2 - source/small/
head -c 300001 /dev/urandom >source/random
truncate -s 1000001 source/hole
exact=$(find source -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')

# padded ZONE FIRST: whether blobs of packs that are not in the file FIRST are padded; how many are
padded() {
	PYTHONPATH=$SRC/tests /usr/bin/python3 - "$1" "$2" <<-'PYTHON'
		import pathlib, sys, reader
		before = set(pathlib.Path(sys.argv[2]).read_text().split())
		packs = [p for p in pathlib.Path(sys.argv[1]).glob("sms/packs/*/*") if p.name not in before]
		blobs = [blob for pack in packs for blob in reader.read_pack(pack)]
		print(len(blobs), "blobs")
		sys.exit(not blobs or any(blob.compression != reader.PADDED for blob in blobs))
	PYTHON
}

: >none
at 2026-11-21T02:00:00Z
check "a padded night" exits 0 agent run --json
check "says sizes that are padded as well" json "$exact < j['bytes'] < 1.12 * $exact"
check "every blob is padded" padded place/az1 none
check "in the other zone too" padded place/az2 none
check "a check reads them without keys" exits 0 verify check
check "and with" exits 0 verify check --level data
check "a restore" exits 0 restore restore sms@latest --to restored
check "brings back every byte" compare source restored
check "so does a reader by the book" reader --zone place/az2 --dataset sms --key place/keys/operator.key \
	--signer place/keys/agent.pub --to by-the-book
check "byte by byte" compare source by-the-book
check "a file is printed" eval 'restore cat sms@latest one.jsonl | cmp - source/one.jsonl'
sleep 0.2
at 2026-11-22T02:00:00Z
check "an unchanged night" exits 0 agent run --json
check "stores nothing" json 'j["new_bytes"] == 0 and j["packs"] == 0'

# The catalogue is made anew from footers; one zone is healed from the other.
rm -r place/state
check "the catalogue is rebuilt" exits 0 agent rebuild
find place/az1 -path '*/packs/*' -type f | head -n 1 | xargs rm
check "a pack is lost" exits 4 verify check
check "and healed" exits 0 verify check --repair

# Off, and on again: what is there stays as it is, and is still deduplicated.
ls place/az1/sms/packs/*/ >before
messages 3 500 >source/two.jsonl
cp plain.yaml "$config"
at 2026-11-23T02:00:00Z
check "a night without padding" exits 0 agent run --json
check "stores only what is new" json '0 < j["new_bytes"] < 400000'
check "not padded" not padded place/az1 before
ls place/az1/sms/packs/*/ >before
printf '    %s\n' "padding: padme" >>"$config"
cp source/one.jsonl source/again.jsonl
echo more >source/small/aa
at 2026-11-24T02:00:00Z
check "a night with it" exits 0 agent run --json
check "stores only what is new, too" json '0 < j["new_bytes"] < 400000'
check "padded" padded place/az1 before
check "all of it is read" exits 0 verify check --level data
check "and restored" exits 0 restore restore sms@latest --to mixed
check "as it is" compare source mixed
finish
