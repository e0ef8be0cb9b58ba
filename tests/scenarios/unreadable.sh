#!/bin/bash
# One object in one zone that cannot be read, for a bad sector or a right that lacks: told, and nothing else stops for it. Until it can be
# read nothing is collected.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# Rights mean something to root, too, without these capabilities.
as=
[ "$(id -u)" != 0 ] || as="setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all"
run() {
	local program=$1
	shift
	$as "$NIGHTFOLD_BIN/nightfold-$program" "$@" --config "$config"
}

: >unreadable
chmod 000 unreadable
# shellcheck disable=SC2086 # an option each
if $as cat unreadable 2>/dev/null; then
	skip "what cannot be read in one zone stops nothing" "rights mean nothing here"
	finish
	exit
fi

backup="3 days" new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
for day in 21 22 23; do
	messages "$day" 1000 >source/messages.jsonl
	at "2026-11-${day}T02:00:00Z"
	check "the night of 2026-11-$day" exits 0 agent run
done
mkdir base
cp -a az1 az2 state base
at 2026-11-23T05:00:00Z
header=$(find az1/sms/snapshots -type f -printf 'snapshots/%f\n' | sort | head -n 1)
index=$(cd az1/sms && find index -type f | sort | tail -n 1)
pack=$(find az1/sms/packs -type f -printf '%f\n' | head -n 1)

for name in "$header" "$index" "intents/${header##*-}" "condemned/$pack" "seals/$(printf '%032d' 7).1"; do
	for remembers in yes no; do
		rm -rf az1 az2 state restored
		cp -a base/. .
		[ $remembers = yes ] || rm -rf state
		mkdir -p "az1/sms/${name%/*}"
		[ -e "az1/sms/$name" ] || echo "something" >"az1/sms/$name"
		chmod 000 "az1/sms/$name"
		check "${name%%/*} (state: $remembers): the night is taken" exits '0|3' run agent run --json
		check "... in both zones" json 'len(j["zones"]) == 2'
		check "... nothing is freed" json 'j["deleted_packs"] == 0'
		check "... a restore succeeds" exits '0|3' run restore restore sms@latest --to restored
		check "... and restores" compare source restored
		check "... an older one is listed" exits '0|3' run restore list --json
		check "... and none is missing" json 'len(rows) == 4'
		check "... check tells of it" exits '3|4' run verify check
		chmod 644 "az1/sms/$name"
		rm -f "az1/sms/intents/"* "az1/sms/condemned/"* "az1/sms/seals/$(printf '%032d' 7).1"
		check "... readable again, all is well" exits 0 run agent run
		check "... in check too" exits 0 run verify check --level data
	done
done
finish
