#!/bin/bash
# A night with a clock that is ten years ahead: its snapshot is quarantined, evicts nothing, and is gone when its window has passed since
# a confirmed clock first saw it, not ten years later.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

night() { # night STATUS TIME
	messages "${2//[!0-9]/}" 1000 >source/messages.jsonl
	at "$2"
	check "the night of $2" exits "$1" agent run --json
}

future() {
	find az? -path "*/$1/*$id*" | wc -l
}

backup="3 days" new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
night 0 2026-11-21T02:00:00Z
export NIGHTFOLD_TEST_NOW_AMS_1=2026-11-22T02:00:00Z NIGHTFOLD_TEST_NOW_AMS_2=2026-11-22T02:00:00Z
night 3 2036-11-22T02:00:00Z
id=$(value 'j["snapshot"]')
unset NIGHTFOLD_TEST_NOW_AMS_1 NIGHTFOLD_TEST_NOW_AMS_2
check "its header is in both zones" test "$(future snapshots)" = 2

# A clock that nothing confirms begins nothing.
export NIGHTFOLD_TEST_NOW_AMS_1=2026-11-30T02:00:00Z
night 3 2026-11-22T03:00:00Z
check "a doubtful clock notes nothing" not compgen -G 'state/sms/snapshots/*.seen'
unset NIGHTFOLD_TEST_NOW_AMS_1
night 3 2026-11-23T02:00:00Z
check "it is quarantined" warns "is dated in the future: quarantined"
check "... and since when it is there is noted" test -e "state/sms/snapshots/$id.seen"
night 3 2026-11-24T02:00:00Z
night 3 2026-11-25T02:00:00Z
check "within its window it stays, as a snapshot that lives" test "$(future seals)" = 2
night 3 2026-11-26T02:00:01Z
check "then it is destroyed" json 'j["destroyed"] >= 1'
check "... its seal in both zones" test "$(future seals)" = 0
check "... its header in both zones" test "$(future snapshots)" = 0
check "... with a certificate" test -e "$(find state/certificates -name "*$id*" | head -n 1)"
night 0 2026-11-27T02:00:00Z
night 0 2026-11-28T02:00:00Z
night 0 2026-11-29T02:00:00Z
check "nothing is left of it, the intent neither" test "$(find az? state/sms -name "*$id*" | wc -l)" = 0
check "and nothing is wrong" exits 0 verify check --level data
finish
