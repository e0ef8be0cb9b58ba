#!/bin/bash
# The keys of a new installation: made, shown, put on paper, typed again, restored; a dataset's key rotated.
# shellcheck disable=SC2016 # what `eval` gets is expanded there
set -u

keys=$NIGHTFOLD_BIN/nightfold-keys
number=0
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

# exits STATUS MESSAGE COMMAND...: the status, and a part of what it says on standard error
exits() {
	status=$1 message=$2
	shift 2
	"$@" >out 2>err
	got=$?
	[ "$got" -eq "$status" ] && { [ -z "$message" ] || grep -qF -- "$message" err; } && return
	sed 's/^/# /' out err
	echo "# exit $got, not $status with '$message'"
	return 1
}

says() {
	grep -qF -- "$1" out || { sed 's/^/# /' out; echo "# no '$1'"; return 1; }
}

# four MODE FILE...: four files, all of that mode
four() {
	mode=$1
	shift
	[ "$# $(stat -c %a -- "$@" | sort -u)" = "4 $mode" ] || { stat -c '# %a %n' -- "$@"; return 1; }
}

json() {
	"$@" 2>err | python3 -c 'import json, sys; json.load(sys.stdin)' || { sed 's/^/# /' err; return 1; }
}

same_keys() {
	cmp "$1/operator.key" "$2/operator.key" && cmp "$1/operator.pub" "$2/operator.pub"
}

cd "$TMPDIR" || exit 1
check "init makes a key for each role without asking" exits 0 "" "$keys" init --dir all </dev/null
check "secret keys are their owner's alone" four 600 all/*.key
check "public keys are everybody's" four 644 all/*.pub

before=$(cat all/*)
rm all/validator.pub
check "init refuses to overwrite and names the file" exits 1 "agent.key' exists already" "$keys" init --dir all
check "and writes nothing, also not what is missing" test ! -e all/validator.pub
check "one role refuses as well" exits 1 "validator.key' exists already" "$keys" init --dir all --role validator
check "show prints the line of a lost .pub" exits 0 "" "$keys" show all/validator.key
sed -n 's/^  its .pub *//p' out >all/validator.pub
check "which makes it again" test "$before" = "$(cat all/*)"

check "init needs a folder" exits 2 "--dir DIR is missing" "$keys" init
check "init knows the roles" exits 2 "king" "$keys" init --dir all --role king
echo 'correct horse' >passphrase
chmod 600 passphrase
check "two sources of a passphrase are refused" exits 2 "exclude each other" \
	"$keys" init --dir b --passphrase --passphrase-file passphrase
check "an agent takes no passphrase" exits 2 "runs unattended" \
	"$keys" init --dir b --role agent --passphrase-file passphrase
check "no terminal, no passphrase" exits 2 "there is no terminal to ask" setsid -w "$keys" init --dir b --passphrase
check "and no folder is left" test ! -e b
check "a passphrase comes from a file" exits 0 "" "$keys" init --dir guarded --passphrase-file passphrase
check "show says so" eval \
	'exits 0 "" "$keys" show guarded/operator.key && says "secret key, operator, under a passphrase"'
check "show goes on after a bad file" eval \
	'exits 1 "none.pub" "$keys" show none.pub all/agent.pub && says "all/agent.pub: public key, agent"'

check "paper prints a key" exits 0 "" "$keys" paper all/operator.key
cp out sheet
check "a typed copy in capitals and without spaces is right" eval \
	'grep -v "^#" sheet | tr -d " " | tr a-z A-Z |
		exits 0 "" "$keys" paper --check all/operator.key - && says "is right: operator key"'
sed '/^09/s/[0-9] \([0-9a-f]\)/\1 0/' sheet >typed
check "a typing error is found, with its line" exits 4 "line 09 does not match its checksum" \
	"$keys" paper --check all/operator.key typed
check "a missing line is found" eval \
	'grep -v "^03" sheet | exits 4 "line 03 is missing" "$keys" paper --check all/operator.key -'
check "a copy of another key is found" exits 1 "of another key" "$keys" paper --check all/validator.key sheet
check "a damaged copy restores nothing" eval \
	'exits 4 "line 09" "$keys" paper --restore typed --dir restored; test ! -e restored'
check "restore makes the files" exits 0 "" "$keys" paper --restore sheet --dir restored
check "which are those that were" same_keys all restored
check "restore overwrites nothing" exits 1 "exists already" "$keys" paper --restore sheet --dir restored
check "a key under a passphrase stays under it" eval \
	'"$keys" paper guarded/operator.key |
		exits 0 "" "$keys" paper --restore - --dir again && same_keys guarded again'
check "a public key is not for the safe" exits 1 "is a public key" "$keys" paper all/agent.pub
check "paper wants one file" exits 2 "did you mean --check" "$keys" paper sheet sheet
check "restore wants a folder" exits 2 "--dir DIR belong together" "$keys" paper --restore sheet
chmod 640 all/agent.key
check "a key that others can read is refused" exits 6 "mode 0640" "$keys" paper all/agent.key
check "by show too" exits 6 "mode 0640" "$keys" show all/agent.key

mkdir -m 700 epochs
hex=$(printf '%064d' 7)
echo "nightfold-dataset-key 1 sms 1 2026-11-21T02:00:00Z $hex" >epochs/sms.1.dataset-key
chmod 600 epochs/*
ln epochs/sms.1.dataset-key spy
check "rotate starts a new epoch" exits 0 "" "$keys" rotate --dataset sms --keys-dir epochs
check "alone in the folder" test "$(ls epochs)" = sms.2.dataset-key
check "the old key was overwritten" eval '! grep -qF "$hex" spy'
check "rotate knows no other dataset" exits 1 "dataset voice has no key" \
	"$keys" rotate --dataset voice --keys-dir epochs
check "rotate needs a dataset" exits 2 "--dataset NAME is missing" "$keys" rotate --keys-dir epochs
check "a name is no path" exits 2 "" "$keys" rotate --dataset ../sms --keys-dir epochs

check "init speaks JSON" json "$keys" init --json --dir json
check "show speaks JSON" json "$keys" show --json json/agent.key json/operator.pub
check "paper speaks JSON" json "$keys" paper --json json/operator.key
check "paper --check speaks JSON" json "$keys" paper --json --check all/operator.key sheet
check "rotate speaks JSON" json "$keys" rotate --json --dataset sms --keys-dir epochs
echo "1..$number"
