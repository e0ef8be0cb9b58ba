#!/bin/bash
# Who may write to a dataset: one run at a time on a host, one host at a time in a zone, and whoever was killed is in
# nobody's way.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# Starts a run that halts before it puts its first pack into ams-1: as long as we like, with everything locked.
halted_run() {
	LD_PRELOAD=$TMPDIR/fault.so FAULT=stop FAULT_AT=1 FAULT_UNDER=$TMPDIR/az1/sms/packs \
		"$NIGHTFOLD_BIN/nightfold-agent" run sms --config "$config" >halted.out 2>halted.err &
	halted=$!
	for _ in $(seq 500); do
		grep -q '^State:.T' "/proc/$halted/status" 2>/dev/null && return
		sleep 0.02
	done
	echo "# it did not halt"
	return 1
}

# ends STATUS PID: lets a halted run go on
ends() {
	local got=0
	kill -CONT "$2"
	wait "$2" || got=$?
	[ "$got" = "$1" ] || { echo "# exit status $got, not $1"; return 1; }
}

halted_is_killed() {
	kill -KILL "$halted"
	! wait "$halted" 2>/dev/null
}

# What the halted run said.
halted_warns() {
	grep -qF -- "$1" "$2" || { sed 's/^/# /' "$2"; return 1; }
}

no_lease() {
	[ -z "$(find az1/sms/lease az2/sms/lease -type f)" ] || { find az?/*/lease -type f | sed 's/^/# /'; return 1; }
}

# snapshots COUNT: so many in each zone
snapshots() {
	[ "$(find az1/sms/snapshots -type f | wc -l) $(find az2/sms/snapshots -type f | wc -l)" = "$1 $1" ]
}

new_place "$TMPDIR"
mkdir sms voice
messages 1 2000 >sms/messages.jsonl
messages 2 2000 >voice/messages.jsonl
add_dataset sms "$TMPDIR/sms"
add_dataset voice "$TMPDIR/voice"
make_faults
here=$config
# Another host: a state folder of its own; the keys are the same, and so are the zones.
there=$TMPDIR/there.yaml
sed "s|^state: .*|state: $TMPDIR/state-there|" "$here" >"$there"
# A third one that only prunes.
pruner=$TMPDIR/pruner.yaml
sed "s|^state: .*|state: $TMPDIR/state-pruner|; s|^agent_key: .*|pruner_key: $TMPDIR/keys/pruner.key|" \
	"$here" >"$pruner"

at 2026-11-21T02:00:00Z
check "a first night" exits 0 agent run
check "leaves no lease behind" no_lease

messages 3 2000 >>sms/messages.jsonl
at 2026-11-22T02:00:00Z
check "a run is under way" halted_run
check "a second one on the same dataset ends at once, with status 5" exits 5 timeout 5 \
	"$NIGHTFOLD_BIN/nightfold-agent" run sms --config "$config"
check "and names who holds it" warns "dataset sms is in use by process $halted (nightfold-agent run)"
for command in snapshot sync prune rebuild; do
	check "so does $command" exits 5 agent "$command" sms
done
check "another dataset is free" exits 0 agent run voice
check "of all datasets, the free ones get their snapshot, and the status says that one did not" exits 5 agent snapshot \
	--json
check "in words that a program understands" json \
	'[(d["dataset"], d["status"]) for d in j] == [("sms", 5), ("voice", 0)]'
check "reading needs no lock: list" exits 0 restore list sms
check "nor restore" exits 0 restore restore sms@latest --to restored-meanwhile
check "nor status" exits 0 agent status sms
check "nor check" exits 0 verify check sms

config=$there
check "another host is told who writes, where and until when" exits 5 agent run sms
check "namely" warns \
	"dataset sms is being written to in zone ams-1 by host $(uname -n), whose lease ends at 2026-11-22T03:00:00Z"
config=$pruner
check "so is a host that only prunes" exits 5 agent prune sms
check "namely" warns "whose lease ends at 2026-11-22T03:00:00Z"
config=$here
check "the first run then ends as if nothing had been" ends 0 "$halted"
check "with its snapshot in both zones" snapshots 2
check "and no lease left" no_lease

at 2026-11-23T02:00:00Z
messages 4 2000 >>sms/messages.jsonl
check "a run that is killed" halted_run
check "without a chance to clean up" halted_is_killed
check "keeps nobody of this host waiting" exits 0 agent run sms
check "which has cleaned up after it" no_lease

at 2026-11-24T02:00:00Z
messages 5 2000 >>sms/messages.jsonl
check "another run that is killed" halted_run
check "without a chance to clean up" halted_is_killed
config=$there
at 2026-11-24T02:59:00Z
check "keeps another host waiting until its lease has ended" exits 5 agent run sms
at 2026-11-24T03:01:00Z
check "and no longer" exits 0 agent run sms
config=$here
at 2026-11-25T02:00:00Z
check "the first host follows on what the other wrote" exits 0 agent run sms
check "and all is well" exits 0 verify check

at 2026-11-26T02:00:00Z
messages 6 2000 >>sms/messages.jsonl
check "a run that sleeps beyond its lease" halted_run
sleeper=$halted
mv halted.err sleeper.err
config=$there
at 2026-11-26T03:01:00Z
check "is overtaken by one of another host" halted_run
check "when it wakes it ends with status 5" ends 5 "$sleeper"
check "saying who is writing now" halted_warns "is being written to in zone ams-1 by host $(uname -n)" sleeper.err
check "the one that overtook it ends well" ends 0 "$halted"
check "and the night has one snapshot, not two" snapshots 6
config=$here
at 2026-11-26T04:30:00Z
check "its next run has nothing to complain about" exits 0 agent run sms
check "nor has the check" exits 0 verify check
finish
