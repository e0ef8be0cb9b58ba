# shellcheck shell=bash
# A program in trouble at every moment, one after the other. What the scenarios of this kind share, besides lib.sh; no
# scenario by itself. In $TMPDIR are: the place of new_place, the dataset sms of the folder source, the folder earlier
# that is what an earlier snapshot of 2026-11-28 was taken of, and in $expired the id of a snapshot that is due to be
# destroyed.

# ---- a moment ----

# Everything that a program may change: kept once, put back before each moment.
keep() {
	rm -rf base
	mkdir base
	cp -a state az1 az2 keys base
}

put_back() {
	rm -rf state az1 az2 keys
	cp -a base/. .
}

# complain PROPERTY WORDS...: it does not hold at this moment
complain() {
	local property=$1
	shift
	echo "# moment $moment: $*" >>"complaints/$property"
	[ ! -s last ] || sed 's/^/#     /' last | head -n 20 >>"complaints/$property"
	: >last
}

holds() {
	[ ! -e "complaints/$1" ] || { head -n 40 "complaints/$1"; return 1; }
}

# quick COMMAND...: without waiting for the disk, which nothing here depends on
quick() {
	faulty nothing 0 / "$@"
}

# An earlier snapshot, from each zone alone.
earlier_is_restored() {
	local zone
	for zone in ams-1 ams-2; do
		rm -rf restored
		quick restore restore sms@2026-11-28 --zone "$zone" --to restored >last 2>&1
		diff -rq earlier restored >>last 2>&1 ||
			complain earlier "the earlier snapshot does not come back from $zone"
	done
}

# What a check finds before anybody cleaned up: notes, and in one zone what had come to the other only.
nothing_is_damaged() {
	quick verify check --json >checked 2>last
	grep -o '"kind":"[^"]*","zone":[^,]*' checked | grep -v '"kind":"note"' | sort -u >unfinished
	if [ "$(wc -l <unfinished)" -gt 1 ] || grep -v '"kind":"missing"' unfinished; then
		complain damage "the check found more than unfinished work"
	fi
}

# No seal without its header, also not under a temporary name.
every_seal_has_its_header() {
	local zone
	for zone in az1 az2; do
		diff <(find $zone/sms/seals -type f -printf '%f\n' | sed 's/\.[0-9]*$//' | sort -u) \
			<(find $zone/sms/snapshots -type f -printf '%f\n' | sed 's/.*-//' | sort -u) >last ||
			complain seals "seals and headers in $zone are not of the same snapshots"
	done
}

both_zones_are_the_same() {
	diff <(cd az1 && find . -type f ! -name '.tmp-*' ! -name NIGHTFOLD-ZONE -exec sha256sum {} + | sort) \
		<(cd az2 && find . -type f ! -name '.tmp-*' ! -name NIGHTFOLD-ZONE -exec sha256sum {} + | sort) >last ||
		complain same "the zones differ"
}

uploads() {
	"$SRC/tests/tools/uploads.py" "$@"
}

# recovers COMMAND...: what people do next puts everything right
recovers() {
	quick "$@" >last 2>&1 || complain recovery "exit status $? of $*"
	quick agent run >last 2>&1 || complain recovery "exit status $? of the run after it"
	quick verify check >last 2>&1 || complain recovery "something is wrong after that"
	rm -rf restored
	quick restore restore sms@latest --to restored >last 2>&1
	diff -rq source restored >>last 2>&1 || complain recovery "the newest snapshot is not the source"
	ls "state/certificates/sms-$expired.json" >last 2>&1 || complain recovery "what expired is not certified"
}

# ---- all moments ----

# sweep NAME WHAT FOLDER STEP STATUS MESSAGE COMMAND...: trouble at every STEPth change in FOLDER, until the command
# gets through. $after is what people do next. $moved: chunks may stand in new packs after that.
sweep() {
	local name=$1 what=$2 folder=$3 step=$4 status=$5 message=$6 got moments=0
	shift 6
	rm -rf complaints
	mkdir complaints
	for ((moment = 1; ; moment += step)); do
		put_back
		got=0
		faulty "$what" "$moment" "$folder" "$@" >last 2>&1 || got=$?
		[ "$got" != 0 ] || break
		moments=$((moments + 1))
		[[ $got =~ ^($status)$ ]] || complain status "exit status $got"
		grep -qF -- "$message" last || complain status "no '$message'"
		nothing_is_damaged
		earlier_is_restored
		[ -n "${moved:-}" ] || uploads note sms held az1 az2
		# shellcheck disable=SC2154 # of who includes this
		recovers "${after[@]}"
		[ -n "${moved:-}" ] || uploads again sms held az1 az2 >last 2>&1 ||
			complain again "something was sent twice"
		every_seal_has_its_header
		both_zones_are_the_same
	done
	check "$name: at each of $moments moments, it ends with status $status and says why" \
		eval "[ $moments -gt 0 ] && holds status"
	check "... an earlier snapshot can be restored from each zone alone" holds earlier
	check "... nothing is damaged, or half committed" holds damage
	check "... what people do next puts it right, and has the source in both zones" holds recovery
	[ -n "${moved:-}" ] || check "... nothing is sent again that both zones held" holds again
	check "... no seal outlives its snapshot" holds seals
	check "... and both zones are the same" holds same
}

# A snapshot that expires, one that stays, and a source that has changed since: the next run has something of everything
# to do.
three_nights() {
	new_place "$TMPDIR"
	mkdir source
	add_dataset sms "$TMPDIR/source"
	messages 1 100 >source/messages.jsonl
	attachment 300000 scan
	for i in 1 2 3 4 5 6 7 8; do attachment 30000 "$i"; done
	[ -z "${compacted:-}" ] || attachment 4000000 film
	at 2026-11-21T02:00:00Z
	check "a night whose snapshot will expire" exits 0 agent run --json
	expired=$(value 'j["snapshot"]')
	[ -z "${compacted:-}" ] || attachment 1000000 short-film
	at 2026-11-21T03:00:00Z
	check "another one" exits 0 agent run
	rm -f source/attachment-[1-8] source/attachment-*film
	for i in 9 10 11; do attachment 30000 "$i"; done
	at 2026-11-28T02:00:00Z
	check "a later one" exits 0 agent run
	cp -a source earlier
	rm source/attachment-9
	for i in 12 13 14; do attachment 30000 "$i"; done
	at 2027-02-21T03:00:00Z
}

attachment() {
	head -c "$1" /dev/urandom >"source/attachment-$2"
}
