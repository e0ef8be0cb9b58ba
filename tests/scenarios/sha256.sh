#!/bin/bash
# `sha256: true`: the plain SHA-256 of each file is recorded, listed as sha256sum reads it, and checked wherever content is.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR/place"
add_dataset sms "$TMPDIR/source" "chunk: 16 KiB"
mkdir -p source/small source/folder
messages 1 200 | split -l 2 - source/small/
messages 2 3000 >source/large.jsonl
messages 3 200 >source/one-chunk.jsonl
: >source/empty
truncate -s 300K source/hole
{ head -c 5000 /dev/urandom; } | dd of=source/sparse-small bs=1k seek=20 conv=notrunc status=none
for at in 3 90 301; do head -c 60000 /dev/urandom | dd of=source/sparse bs=64k seek=$at conv=notrunc status=none; done
truncate -s 30M source/sparse
truncate -s 20K source/small/hole
ln source/large.jsonl source/link-of-large
ln source/small/aa source/folder/link-of-small
ln -s large.jsonl source/symbolic
mkfifo source/fifo
echo 1 >"source/back\\slash"
echo 2 >$'source/new\nline \\n'
echo 3 >$'source/return\r'
echo 4 >$'source/not utf-8 \xff'
sleep 0.1

# sums_are_right: what ls --sha256 prints is what sha256sum says of the restored files, all of them
sums_are_right() {
	rm -rf back
	exits 0 restore restore sms@latest --to back && exits 0 restore ls sms@latest --sha256 && cp out sums &&
		(cd back && sha256sum -c --strict --quiet ../sums) &&
		(cd back && find . -type f -print0 | sort -z | xargs -0 sha256sum | sed 's|  \./|  |' | sort) >theirs && sort sums | diff - theirs
}
entry() { # the entry of a path in what ls --json said
	echo "next(e for e in j if e[\"path\"] == \"$1\")"
}

at 2026-11-21T02:00:00Z
check "without the option" exits 0 agent run
check "none is recorded" eval 'exits 0 restore ls sms@latest --json && json "not any(\"sha256\" in e for e in j)"'
check "which ls --sha256 says" tells 3 "no SHA-256 was recorded of 113 files" restore ls sms@latest --sha256
sleep 1
at 2026-11-22T02:00:00Z
check "a night on which nothing changed" exits 0 agent run --json
check "reads nothing" json 'j["read_files"] == 0 and j["read_bytes"] == 0'

cp "$config" without.yaml
sed -i '/chunk: 16 KiB/s/$/\n    sha256: true/' "$config"
at 2026-11-23T02:00:00Z
check "the option is switched on" exits 0 agent run --json sms
check "all is read again, and no content stored again" json 'j["unchanged_files"] == 0 and j["read_files"] >= 110 and j["new_bytes"] < 100000'
check "sha256sum -c passes on what is restored, and lacks nothing" sums_are_right
check "ls --json shows it" eval 'exits 0 restore ls sms@latest --json &&
	json "$(entry large.jsonl)[\"sha256\"] == \"$(sha256sum <source/large.jsonl | cut -c 1-64)\""'
check "find --json too" eval 'exits 0 restore find large.jsonl --json &&
	json "[e for e in rows if \"sha256\" in e][-1][\"sha256\"] == \"$(sha256sum <source/large.jsonl | cut -c 1-64)\""'
check "of a hole it is that of zeros" eval 'grep -q "^$(head -c 300K /dev/zero | sha256sum | cut -c 1-64)  hole$" sums'
check "a further hard link has none of its own" eval 'exits 0 restore ls sms@latest --json && json "\"sha256\" not in $(entry link-of-large)"'
check "but a line" grep -q "  link-of-large$" sums
check "a part can be asked for" eval 'exits 0 restore ls sms@latest --sha256 small && [ "$(wc -l <out)" = 101 ]'
check "--json and --sha256 exclude each other" tells 2 "with --json the entries have it anyway" restore ls sms@latest --sha256 --json

at 2026-11-24T02:00:00Z
check "a further night" exits 0 agent run --json sms
check "reads nothing" json 'j["read_bytes"] == 0 and j["unchanged_files"] >= 110'
check "and has them all" sums_are_right
messages 9 10 >>source/large.jsonl
messages 9 2 >source/small/ba
head -c 70000 /dev/urandom | dd of=source/sparse bs=64k seek=200 conv=notrunc status=none
at 2026-11-25T02:00:00Z
check "files are changed, and a night" exits 0 agent run sms
check "has the new ones" sums_are_right

check "the reader by FORMAT.md agrees" eval \
	'exits 0 reader --zone place/az1 --dataset sms --key place/keys/operator.key --signer place/keys/agent.pub --to read &&
	(cd read && sha256sum -c --strict --quiet ../sums)'
check "check --level data finds nothing" exits 0 verify check --level data
check "restore --read-back neither" eval 'rm -rf again && exits 0 restore restore sms@latest --to again --read-back'
check "nor cat" eval 'restore cat sms@latest sparse | cmp - source/sparse'

# Comparing two dataset keys: files of several chunks are cut elsewhere, and the same.
keys rotate --dataset sms --config "$config" >/dev/null
at 2026-11-26T02:00:00Z
check "a night under another dataset key" exits 0 agent run sms
check "diff sees that nothing changed" eval 'exits 0 restore diff sms@2026-11-25 sms@latest && says "0 added, 0 removed, 0 changed"'

# Hashing zeros takes as long as hashing data, so what has too many is left without.
truncate -s 100G source/huge
at 2026-11-27T02:00:00Z
check "a file with a hole of 100 GiB" tells 0 "has more than 64 GiB of holes" timeout 60 "$NIGHTFOLD_BIN/nightfold-agent" run sms --config "$config"
check "has none, which ls --sha256 says" tells 3 "no SHA-256 was recorded of 1 file:" restore ls sms@latest --sha256
sleep 1
at 2026-11-28T02:00:00Z
check "a further night" exits 0 agent run --json sms
at 2026-11-29T02:00:00Z
check "and another" exits 0 agent run --json sms
check "do not read it again for that" json 'j["read_files"] == 0'

cp without.yaml "$config"
at 2026-11-30T02:00:00Z
check "switched off" exits 0 agent run --json sms
check "nothing is read" json 'j["read_files"] == 0'
check "and none is recorded" eval 'exits 0 restore ls sms@latest --json && json "not any(\"sha256\" in e for e in j)"'
finish
