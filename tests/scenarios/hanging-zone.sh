#!/bin/bash
# slow
# A zone whose file system hangs at any moment (NFS without its server): whatever was asked of it, the command ends, does
# its work with the other zone, and says why. The test's clock runs 500 times faster while it waits.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1
export FAULT_SPEED=500
why="ams-2 has not answered for 30 seconds; waiting for it up to 300"

keep() {
	rm -rf base
	mkdir base
	cp -a state az1 az2 keys base
}

put_back() {
	rm -rf state az1 az2 keys
	cp -a base/. .
}

nothing_to_complain() {
	[ "$1" -gt 0 ] && { [ ! -s complaints ] || { head -n 60 complaints; return 1; }; }
}

# hangs NAME STATUS STEP COMMAND...: at every STEPth thing that it asks of ams-2, until it gets through
hangs() {
	local name=$1 wanted=$2 step=$3 moment got moments=0
	shift 3
	rm -f complaints
	for ((moment = 1; moment < 2000; moment += step)); do
		put_back
		got=0
		faulty deaf "$moment" "$TMPDIR/az2" timeout -k 1 60 "$@" --config "$config" >last 2>&1 || got=$?
		grep -qx "fault: hangs" last || break
		moments=$((moments + 1))
		[[ $got =~ ^($wanted)$ ]] || { echo "# moment $moment: exit status $got"; sed 's/^/#    /' last; } >>complaints
		# Without anything left to do in that zone, it may end well.
		[ "$got" != 0 ] || diff <(ls az1/sms/snapshots) <(ls az2/sms/snapshots) >>complaints
		grep -qF "$why" last || { echo "# moment $moment: not told"; sed 's/^/#    /' last; } >>complaints
		[ -z "${then:-}" ] || "$then" >>complaints 2>&1 || echo "# moment $moment: not so: $then" >>complaints
		[ "$(date +%s)" -lt "$deadline" ] || break
	done
	check "$name: at each of $moments moments it ends with status $wanted and says why" nothing_to_complain "$moments"
}

new_place "$TMPDIR"
mkdir source
add_dataset sms "$TMPDIR/source"
messages 1 300 >source/messages.jsonl
at 2026-11-21T02:00:00Z
check "a night whose snapshot will expire" exits 0 agent run
messages 2 300 >source/more.jsonl
at 2027-02-20T02:00:00Z
check "another" exits 0 agent run
at 2027-02-21T03:00:00Z
messages 3 300 >source/last.jsonl
keep
make_faults
deadline=$(($(date +%s) + 400))

# The new snapshot is in ams-1 and comes from there; the old one is not to be opened there any more.
night_is_done() {
	[ "$(find az1/sms/snapshots -type f | wc -l)" -le 3 ] && ls az1/sms/snapshots/2027-02-21* >/dev/null
}
then=night_is_done
hangs "run" "0|3" "${STEP:-23}" "$NIGHTFOLD_BIN/nightfold-agent" run
old_is_gone() {
	[ -z "$(find az1/sms/snapshots -name '2026-11-21*')" ]
}
then=old_is_gone
hangs "prune" "0|3" "${STEP:-23}" "$NIGHTFOLD_BIN/nightfold-agent" prune
then=
hangs "status" 3 "${STEP:-4}" "$NIGHTFOLD_BIN/nightfold-agent" status
hangs "list" '0|3' "${STEP:-4}" "$NIGHTFOLD_BIN/nightfold-restore" list
hangs "check" 3 "${STEP:-9}" "$NIGHTFOLD_BIN/nightfold-verify" check
newest_is_there() {
	diff <(cat restored/more.jsonl) <(messages 2 300) >/dev/null
}
then=newest_is_there
hangs "restore" '0|3' "${STEP:-9}" "$NIGHTFOLD_BIN/nightfold-restore" restore sms@latest --to restored --overwrite
put_back
check "afterwards, the next night is a good one" exits 0 agent run
check "and nothing is wrong" exits 0 verify check
finish
