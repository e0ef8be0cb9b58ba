#!/bin/sh
# The second reader, tests/reader.py, restores the golden snapshot, and refuses what is not as docs/FORMAT.md says.
set -u
export LC_ALL=C

number=0
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

golden=$SRC/tests/golden
zone=$TMPDIR/zone
out=$TMPDIR/out

fresh_zone() {
	rm -rf "$zone" "$out"
	cp -r "$golden/zone" "$zone"
}

# restore KEY [OPTION...]: messages in $TMPDIR/messages
restore() {
	key=$1
	shift
	"$SRC/tests/reader.py" --zone "$zone" --dataset sms --key "$golden/keys/$key.key" --signer "$golden/keys/agent.pub" \
		"$@" --to "$out" 2>"$TMPDIR/messages"
}

fails_saying() {
	text=$1
	shift
	if "$@" >"$TMPDIR/output" 2>&1; then
		echo "# it went well"
		return 1
	fi
	grep -qF -- "$text" "$TMPDIR/messages" || { sed 's/^/# /' "$TMPDIR/messages"; return 1; }
}

# Type, mode, time, size, links and target of everything but the device, which only root can make; then content.
listing() {
	(
		cd "$out" || exit 1
		find . ! -type c -printf '%y %04m %T@ ' \( -type d -printf '- - ' -o -printf '%s %n ' \) -printf '%p' \
			\( -type l -printf ' -> %l' , -printf '\0' \)
		find . -type f -size +0 -print0 | sort -z | xargs -0 sha256sum -z
	) | tr '\n\0' '?\n' | sort
}

matches_the_golden_listing() {
	listing >"$TMPDIR/listing" && diff "$golden/listing.txt" "$TMPDIR/listing" | sed 's/^/# /'
	cmp -s "$golden/listing.txt" "$TMPDIR/listing"
}

holes_are_holes() {
	[ "$(stat -c %b "$out/archive/sparse.img")" -lt 200 ]
}

attributes_are_there() {
	[ "$(getfattr --absolute-names --only-values -n user.sender "$out/tagged" | od -An -tx1 | tr -d ' ')" = 00ff4f5450 ]
}

belongs_to_who_it_belonged_to() {
	[ "$(id -u)" != 0 ] || [ "$(stat -c %u:%g "$out/soft") $(stat -c %u:%g "$out/inbox/a.txt")" = "4294967294:0 1000:1001" ]
}

# flip FILE OFFSET
flip() {
	byte=$(od -An -tu1 -j "$2" -N1 "$1" | tr -d ' ')
	printf '%b' "\\0$(printf %03o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>"$TMPDIR/dd"
}

reachable() {
	"$SRC/tests/reader.py" --zone "$zone" --dataset sms --key "$golden/keys/operator.key" --all-reachable "$@" |
		python3 -c 'import json, sys; print(*sorted(json.loads(line)["opens"] for line in sys.stdin))' |
		tr ' ' '\n' | uniq -c | tr -s ' \n' ' '
}

prints() {
	text=$1
	shift
	[ "$("$@")" = "$text" ]
}

fresh_zone
check "the operator restores the golden snapshot" restore operator
check "every name, mode, time, link and byte is as it was" matches_the_golden_listing
check "holes come back as holes" holes_are_holes
check "extended attributes come back" attributes_are_there
check "owners come back where that is allowed" belongs_to_who_it_belonged_to
check "a target that is not empty is left alone" fails_saying "not empty" restore operator

fresh_zone
printf 'correct horse battery staple\n' >"$TMPDIR/passphrase"
check "the validator does, with a passphrase" restore validator --passphrase-file "$TMPDIR/passphrase"
fresh_zone
printf 'wrong\n' >"$TMPDIR/passphrase"
check "not with another passphrase" fails_saying "wrong passphrase" restore validator --passphrase-file "$TMPDIR/passphrase"
check "a key that the seal is not for is told so" fails_saying "not sealed to any of the keys" restore agent
check "a snapshot that is not there is told so" fails_saying "no such snapshot" restore operator --snapshot ffff

check "every blob opens with what the seal leads to" prints " 11 True " reachable
check "also when every key is tried on every blob" prints " 11 True " reachable --exhaustive
cp -r "$zone/sms/packs" "$TMPDIR/packs"
rm "$zone"/sms/seals/*
check "without the seal none does, in any copy" prints " 11 False " reachable --packs "$TMPDIR/packs" --exhaustive

# Golden blobs of padded lengths; what pads them otherwise is refused.
padded_blobs() {
	PYTHONPATH=$SRC/tests /usr/bin/python3 - "$golden/padded-blobs.txt" "$TMPDIR/blob" <<-'PYTHON' >"$TMPDIR/messages" 2>&1
		import sys
		from pathlib import Path
		import reader
		rows = [line.split() for line in open(sys.argv[1]) if line[0] != "#"]
		for kind, suite, content, key, identity, plain, stored in rows:
		    stored, path = bytes.fromhex(stored), Path(sys.argv[2])
		    path.write_bytes(stored)
		    blob = reader.Blob(path, 0, len(stored), bytes.fromhex(identity), int(kind), int(suite), reader.PADDED,
		                       int(plain), None)
		    assert reader.lengths_agree(reader.PADDED, blob.plain, len(stored) - reader.OVERHEAD[blob.suite])
		    assert reader.padme(len(content) // 2) == blob.plain
		    assert reader.open_blob(blob, "sms", bytes.fromhex(key)).hex() == content
		    packed = reader.zstandard.ZstdCompressor().compress(bytes.fromhex(content))
		    size = reader.padme(len(packed))
		    assert reader.decompress(packed.ljust(size, b"\0"), blob).hex() == content
		    for wrong in (packed.ljust(reader.padme(size + 1), b"\0"), packed + packed, packed.ljust(size, b"\0") + b"\0" * size,
		                  packed + b"\1" * (size - len(packed)) if size > len(packed) else b"", packed[:-1]):
		        try:
		            reader.decompress(wrong, blob)
		        except reader.Bad:
		            continue
		        raise AssertionError(f"{wrong} was taken")
		assert len(rows) == 4
	PYTHON
}
check "blobs of padded lengths open, and only as they should be" padded_blobs

for object in packs index seals snapshots; do
	fresh_zone
	find "$zone/sms/$object" -type f | while IFS= read -r file; do
		flip "$file" $(($(stat -c %s "$file") / 2))
	done
	check "flipped bits in $object are noticed" fails_saying "reader.py: " restore operator
done
fresh_zone
flip "$zone"/sms/snapshots/* 100
check "a header with a changed body is not believed" fails_saying "signature does not match" restore operator

echo "1..$number"
