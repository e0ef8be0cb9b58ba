#!/bin/bash
# Objects that nobody trusted has signed: told, and ignored by everything. A snapshot of the future counts as none.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# restored STATUS: the newest genuine snapshot
restored() {
	rm -rf restored
	exits "$1" restore restore sms@latest --to restored && diff -rq source restored
}

lists_two() {
	exits '0|3' restore list --json && json 'len([s for s in j if s["state"] == "live"]) == 2'
}

# in_both_zones TIME: the snapshot of that time
in_both_zones() {
	exits '0|3' restore list --json && json \
		"[s['zones'] for s in j if s['taken_at'] == '$1'] == [['ams-1', 'ams-2']]"
}

# forged "what" "message" ACTION OPTION...: put into ams-1
forged() {
	local what=$1 message=$2 name
	shift 2
	rm -rf az1 az2 state
	cp -a base/. .
	name=$("$SRC/tests/tools/forge.py" --zone az1 --dataset sms "$@") || give_up "nothing forged: $*"
	check "$what is found and named" tells 4 "ams-1: ${message/@/$name: }" verify check
	check "... there are two snapshots, as before" lists_two
	check "... the newest one is restored, with status 3" restored 3
	check "... the next night tells of it" tells 3 "ams-1: ${message/@/$name: }" agent run
	check "... and is whole in both zones" in_both_zones 2026-11-23T02:00:00Z
	check "... it is not brought to the other zone" test ! -e "az2/$name"
	rm "az1/$name"
	check "... removed, it is as if it had never been" exits 0 agent run
	check "... and nothing is wrong any more" exits 0 verify check
}

new_place "$TMPDIR"
keys init --dir stranger >out
mkdir source
messages 1 1000 >source/messages.jsonl
add_dataset sms "$TMPDIR/source"
at 2026-11-21T02:00:00Z
check "a first night" exits 0 agent run
messages 2 1000 >>source/messages.jsonl
at 2026-11-22T02:00:00Z
check "a second one" exits 0 agent run
mkdir base
cp -a az1 az2 state base
at 2026-11-23T02:00:00Z

id=$(keys show stranger/agent.pub | sed -n 's/^ *fingerprint *//p' | tr -d ' ')
forged "a header of a stranger" "@ignored: header is signed by key $id, which no configured signer has" \
	--key stranger/agent.key header
forged "a header of a stranger in the agent's name" "@ignored: header: its signature does not match" \
	--key stranger/agent.key --as keys/agent.pub header
forged "a header without a signature" "@ignored: header: its signature does not match" --key keys/agent.key unsigned
forged "a header that an operator signed" "@ignored: header is signed by 'operator', whose role does not allow it" \
	--key keys/operator.key header
forged "a header that a pruner signed" "@ignored: header is signed by 'pruner', whose role does not allow it" \
	--key keys/pruner.key header
forged "a header of the future" "@is dated in the future: quarantined" --key keys/agent.key future
forged "an index of a stranger" "indexes of key $id, which no configured agent or pruner has, are ignored" \
	--key stranger/agent.key index
forged "an index of a stranger that withdraws everything" \
	"indexes of key $id, which no configured agent or pruner has, are ignored" \
	--key stranger/agent.key withdraw
forged "an index of a stranger in the agent's name" "@ignored: index: its signature does not match" \
	--key stranger/agent.key --as keys/agent.pub index
forged "an index that withdraws everything, in the agent's name" "@ignored: index: its signature does not match" \
	--key stranger/agent.key --as keys/agent.pub withdraw
finish
