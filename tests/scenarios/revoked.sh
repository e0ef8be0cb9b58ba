#!/bin/bash
# A host was stolen, and its signing key with it: what docs/THREATS.md tells to do, step by step.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

night() { # night DAY STATUS
	messages "${1//-/}" 800 >"calls/$1.jsonl"
	messages "${1//-/}9" 800 >sms/messages.jsonl
	at "$1T02:00:00Z"
	exits "$2" agent run --json
}

old_host() {
	local config=$TMPDIR/old/nightfold.yaml
	"$@"
}

live() { # live DATASET: how many, at any status
	restore list "$1" --json 2>/dev/null >"$TMPDIR/out"
	value 'len(j) if isinstance(j, list) else 1'
}

thief() { # thief DATASET ACTION...: in both zones, with the stolen key
	local dataset=$1 zone
	shift
	for zone in az1 az2; do
		"$SRC/tests/tools/$tool.py" --zone "old/$zone" --dataset "$dataset" --key stolen/agent.key "$@" >>forged ||
			give_up "nothing forged: $*"
	done
}

mkdir sms calls stolen
backup="4 days" grace="1 hours" new_place "$TMPDIR/old"
add_dataset sms "$TMPDIR/sms"
add_dataset calls "$TMPDIR/calls"
for day in 2026-11-20 2026-11-21 2026-11-22; do
	check "the night of $day" night "$day" 0
done
cp out last-good-night.json
in_report() { # in_report DATASET WHAT
	/usr/bin/python3 -c 'import json, sys
print([row[sys.argv[2]] for row in json.load(open("last-good-night.json")) if row["dataset"] == sys.argv[1]][0])' "$@"
}
check "a run reports up to where its key has signed" eval '[ -n "$(in_report sms header)" ] && [ -n "$(in_report sms index)" ]'

# ---- the host is stolen ----

cp old/keys/agent.key stolen/
tool=forge
thief sms header # of the first zone's snapshots; each zone gets one of its own
thief sms index
tool=thief
thief sms withdraw condemn intents
thief calls withdraw
at 2026-11-22T10:00:00Z
tool=forge
thief calls lease
check "the thief's snapshots are believed" eval '[ "$(live sms)" = 5 ]'
check "and a lease of the thief stops every run" exits 5 old_host agent run calls

# ---- what to do ----

check "history: who signed what" exits '0|3' verify history --until 2026-11-22T02:00:30Z
for dataset in sms calls; do
	check "... with the line for revoked_after in $dataset, as the last good run reported it" says \
		"- {dataset: $dataset, header: $(in_report $dataset header), index: $(in_report $dataset index)}"
done
cp out history
check "... and for programs" exits '0|3' verify history sms --until 2026-11-22T02:00:30Z --json
check "... the same" json \
	"[row['header'] for row in j['last']] == ['$(in_report sms header)'] and len([1 for row in j['objects'] if row['what'] == 'header']) == 5"
check "a list says which header is whose" exits '0|3' restore list sms --json
check "... in JSON" json "j[2]['header'] == '$(in_report sms header)' and j[2]['signer'] == 'agent'"

mkdir -p new/keys
keys init --dir new/keys --role agent >out
cp old/keys/operator.pub old/keys/validator.pub new/keys/
cp old/keys/agent.pub new/keys/old-agent.pub
sed "s#^state: $TMPDIR/old/#state: $TMPDIR/new/#; /^operator_key\|^validator_key/d
	s|key: $TMPDIR/old/keys/|key: $TMPDIR/new/keys/|" old/nightfold.yaml >new/without
signers() {
	{
		cat <<-YAML
			signers:
			  - {name: agent, key: keys/agent.pub, roles: [agent]}
			  - {name: operator, key: keys/operator.pub, roles: [operator]}
			  - name: old-agent
			    key: keys/old-agent.pub
			    roles: [agent]
			    revoked_after:
		YAML
		sed 's/^/    /'
		cat new/without
	} >new/nightfold.yaml
}
grep '^  - {dataset: sms' history | signers
config=$TMPDIR/new/nightfold.yaml
check "the new configuration is one" exits 0 agent check-config

cp -a old/az1 old/az2 new/
cp new/nightfold.yaml rehearsal.yaml
sed -i "s|file://$TMPDIR/old/|file://$TMPDIR/new/|" new/nightfold.yaml
at 2026-11-23T01:00:00Z
check "a dataset that was forgotten there is told" exits 3 agent run calls --json
check "... and nothing of it is deleted" warns "'revoked_after' says nothing about dataset calls"
check "... nothing at all" json 'j["deleted_packs"] == 0 and j["condemned_packs"] == 0'
rm -rf new/az1 new/az2 new/state new/keys/*.dataset-key

grep '^  - {dataset' history | signers
at 2026-11-23T01:30:00Z
thief calls lease
check "the first night of the new key, whatever the thief's lease says" exits 3 agent run --json
check "... of both datasets, in both zones" json '[row["zones"] for row in rows] == [["ams-1", "ams-2"]] * 2'
check "... what the thief signed is told as that" json \
	'{f["kind"] for row in rows for f in row["findings"]} <= {"revoked", "refused", "note"} and "revoked" in {f["kind"] for f in rows[0]["findings"]}'
check "... the lease" eval 'grep -q "calls/lease/.*ignored: lease is signed by .old-agent., whose key is revoked" "$TMPDIR/err"'
check "... the snapshots" eval 'grep -q "sms/snapshots/.*ignored: header is signed by .old-agent." "$TMPDIR/err"'
check "... the indexes" eval 'grep -q "sms/index/.*ignored: index of .old-agent." "$TMPDIR/err"'
check "... the intents for live snapshots" warns "wants this snapshot destroyed before its time"
check "a dataset key of its own" test -e new/keys/sms.1.dataset-key
check "three old snapshots and the new one, none of the thief's" eval '[ "$(live sms) $(live calls)" = "4 4" ]'
key=$TMPDIR/old/keys/operator.key
check "an old one is restored, every fingerprint right" exits '0|3' restore restore sms@2026-11-20 --to was --key "$key"
check "... and the new one" exits '0|3' restore restore sms@latest --to is --key "$key"
check "... as the source is" diff -r sms is
check "nothing is missing or damaged in any zone" exits 4 verify check --level data --json --key "$key"
check "... nothing" json \
	'{"revoked", "refused"} <= {f["kind"] for row in rows for f in row["findings"]} <= {"revoked", "refused", "note"}'

# ---- time goes on ----

at 2026-11-24T02:30:00Z
check "the old snapshots expire on time" exits 3 agent run --json
check "... one of each dataset" json '[row["destroyed"] for row in rows] == [1, 1]'
check "... the thief's marks, decades old, do not shorten the grace of what only they needed" \
	json 'all(row["condemned_packs"] > 0 for row in rows)'
at 2026-11-24T04:00:00Z
check "... and then it is collected" exits 3 agent prune --json
check "... after the grace" json 'all(row["deleted_packs"] > 0 for row in rows)'
check "three are left, and the new one" eval '[ "$(live sms)" = 4 ]'

rm -rf new/state
check "the catalogue can be made anew" exits 3 agent rebuild
at 2026-11-25T02:30:00Z
check "... and nothing is stored again" exits 3 agent run calls --json
check "... nothing, and one more is forgotten" json 'j["new_stored"] < 2000 and j["destroyed"] == 1'
for day in 26 27; do
	at "2026-11-${day}T02:30:00Z"
	check "the night of 2026-11-$day" exits 3 agent run --json
	at "2026-11-${day}T04:00:00Z"
	check "... and its collection" exits 3 agent prune --json
	check "... which acts" eval '! grep -q "no space is freed" "$TMPDIR/err"'
done
check "of the old key's snapshots none is left" exits 3 restore list sms --json
check "... of the new key's, all" json '{row["signer"] for row in rows} == {"agent"}'
check "nothing is missing in any zone, to this day" exits 4 verify check --json
check "... nothing" json '{f["kind"] for row in rows for f in row["findings"]} <= {"revoked", "note"}'

# ---- what the thief left is deleted by hand ----

/usr/bin/python3 -c 'import json
for row in json.load(open("out")):
    for f in row["findings"]:
        if f["kind"] == "revoked":
            print(f["zone"].replace("ams-", "old/az") + "/" + f["object"])' >left
check "the check names what the thief left" eval '[ "$(wc -l <left)" -ge 6 ]'
xargs rm <left
at 2026-11-28T02:30:00Z
check "leases of the thief's are swept" eval '[ "$(find old/az?/calls/lease -type f | wc -l)" = 0 ]'
check "deleted by hand, nothing is told any more" exits 0 agent run --json
check "... and all is well" exits 0 verify check --level data --key "$key"

# ---- and what not to do ----

sed "s|^agent_key: .*|agent_key: $TMPDIR/stolen/agent.key|" new/nightfold.yaml >new/thief.yaml
config=$TMPDIR/new/thief.yaml
check "the revoked key does not run by mistake" exits 2 agent run
check "... and says why" warns "is revoked"
finish
