#!/bin/bash
# A configuration that is not right is told with its line and what is expected there, before anything is touched.
# shellcheck disable=SC2016 # a dollar is for sed
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

new_place "$TMPDIR"
mkdir source az1/inner
echo 'a message' >source/message
add_dataset sms "$TMPDIR/source"
cp "$config" good.yaml
ln -s az1 az3
at 2026-11-21T02:00:00Z

# refused "what is wrong" "what the message says" SED...: both check-config and run do, with the line of the change (@)
refused() {
	local what=$1 message=$2 line
	shift 2
	sed "$@" good.yaml >"$config"
	line=$(cmp -s good.yaml "$config" || diff good.yaml "$config" | sed -n '1s/^.*[acd]\([0-9]*\).*/\1/p')
	check "$what is told with its line" tells 2 "$config:${message/@/$line}" agent check-config
	check "$what keeps a run from starting" exits 2 agent run
}

check "a good configuration" exits 0 agent check-config
refused "an unknown key" "@: unknown key 'grce' in the top level: expected one of state, " 's/^grace/grce/'
check "... with the one that may be meant" warns "did you mean 'grace'?"
refused "an unknown key in a dataset" "@: unknown key 'clas' in a dataset" 's/class: message/clas: message/'
refused "an unknown key of a source" "@: unknown key 'sudo' in a source: expected one of type, path, exclude" \
	's/type: files/type: files, sudo: true/'
refused "a duplicate key" "@: duplicate key 'state': it stands in line 1 already" '1p'
refused "a duplicate key within a mapping" "@: duplicate key 'backup'" 's/backup: 3 months/&, backup: 4 months/'
refused "a list where a path belongs" "@: state: expected a path, found a list" 's/^state: .*/state: [a, b]/'
refused "a text where a list belongs" "@: recipients: expected a list of mappings, found a text" \
	-e '/^recipients:/s/$/ me/' -e '/keys.*pub}/d'
refused "a text where a number belongs" "@: compression: 'best' is out of bounds: expected a number from 1 to 19" \
	'$a\    compression: best'
refused "a number out of bounds" "@: compression: '44' is out of bounds: expected a number from 1 to 19" \
	'$a\    compression: 44'
refused "a size of chunks that is none" "@: chunk: '500 KiB' is no size of chunks: expected a power of two" \
	'$a\    chunk: 500 KiB'
refused "an unknown word" "@: class: 'massage' is unknown: expected one of message, user, configuration" \
	's/class: message/class: massage/'
refused "an unknown cipher" "@: cipher: 'rot13' is unknown: expected one of aes-256-gcm, xchacha20-poly1305" \
	'$a\    cipher: rot13'
refused "an unknown product" \
	"18: dataset 'sms': product 'mesaging' is not one of \`products\`, did you mean 'messaging'?" \
	's/product: messaging/product: mesaging/'
refused "two zones of one name" "@: zones: 'ams-1' is there already, in line 10" 's/ams-2/ams-1/'
refused "two datasets of one name" "@: datasets: 'sms' is there already, in line 18" \
	'$a\  - {name: sms, product: messaging, class: message, source: {type: files, path: /tmp}}'
refused "two products of one name" "@: products: 'messaging' is there already" '/name: messaging/p'
refused "a duration without a unit" \
	"@: backup: '3 moons' has no unit known here: expected minutes, hours, days, weeks" \
	's/3 months/3 moons/'
refused "a duration that is none" "@: backup: 'soon' is no duration: expected a count and a unit, as in '3 months'" \
	's/3 months/soon/'
refused "a negative duration" "@: backup: '-1 day' is no duration" 's/3 months/-1 day/'
refused "a window of no time at all" "@: backup: '0 days' is no time at all" 's/3 months/0 days/'
refused "a URL that is none" "@: url: 'az1' is no URL of a zone: expected one as in file:///srv/az1" \
	's|file://.*az1|az1|'
refused "a scheme that is not built in" "@: url: 'gopher://az1' is no URL of a zone" 's|file://.*az1|gopher://az1|'
refused "a name that is a path" "@: name: '../sms' cannot name a dataset" 's|name: sms|name: ../sms|'
refused "a key that is missing" "1: the top level lacks the key 'zones'" '/^zones:/,/ams-2/d'
refused "one zone alone" "10: zones: expected exactly 2, found 1" '/ams-2/d'
refused "a signer's role that is none" "@: roles: 'king' is unknown: expected one of agent, operator, pruner" \
	"1i signers: [{name: agent, key: $TMPDIR/keys/agent.pub, roles: [king]}]"
refused "what is no YAML" "@: found character that cannot start any token" '1s/^/\t/'

refused "both zones in one place" "@: zones ams-1 (file://$TMPDIR/az1) and ams-2 (file://$TMPDIR/az1) are one place" \
	's|/az2"|/az1"|'
refused "also through a link" "@: zones ams-1 (file://$TMPDIR/az1) and ams-2 (file://$TMPDIR/az3) are one place" \
	's|/az2"|/az3"|'
refused "also by another spelling" \
	"@: zones ams-1 (file://$TMPDIR/az1) and ams-2 (file://$TMPDIR/source/..//az%31/) are one place" \
	"s|\"file://.*/az2\"|\"file://$TMPDIR/source/..//az%31/\"|"
refused "also one within the other" \
	"@: zones ams-1 (file://$TMPDIR/az1) and ams-2 (file://$TMPDIR/az1/inner) are one place" \
	's|/az2"|/az1/inner"|'
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016
	check "also mounted twice" tells 2 "good.yaml:11: zones ams-1" unshare -m bash -c \
		'mount --bind az1 az2 && "$@"' - \
		"$NIGHTFOLD_BIN/nightfold-agent" check-config --config good.yaml
else
	skip "both zones in one place, mounted twice" "needs root"
fi

refused "a recipient who can open nothing" \
	"@: recipient 'operator': '$TMPDIR/keys/agent.pub' is a key for the role agent" \
	's/operator.pub/agent.pub/'
sed 's/^grace/grce/' good.yaml >"$config"
check "every program refuses it in the same words: status" tells 2 "$config:5: unknown key 'grce'" agent status
check "list" tells 2 "$config:5: unknown key 'grce'" restore list
check "check" tells 2 "$config:5: unknown key 'grce'" verify check
check "reseal" tells 2 "$config:5: unknown key 'grce'" keys reseal --config "$config"

config=$TMPDIR/none.yaml
check "a file that is not there" tells 2 "none.yaml': No such file or directory" agent run
config=$TMPDIR/nightfold.yaml
cp good.yaml "$config"
check "a dataset that is not configured" tells 2 "no dataset 'voice' in $config: there is sms" agent run voice
check "an unknown command" exits 2 agent frobnicate
check "an unknown option" exits 2 agent run --frobnicate
check "no command at all" exits 2 "$NIGHTFOLD_BIN/nightfold-agent"
check "nothing has been written to any zone by all this" test -z "$(find az1 az2 -type f)"

# ---- keys ----

check "a night with keys as they should be" exits 0 agent run
chmod 640 keys/*.key keys/*.dataset-key
check "a key that others can read is refused: the agent's" tells 6 \
	"keys/agent.key' holds a secret but has mode 0640: others may have read it; chmod 600 it, or replace it" \
	agent run
check "the operator's" tells 6 "keys/operator.key' holds a secret but has mode 0640" restore restore sms@latest --to \
	restored
check "the validator's" tells 6 "keys/validator.key' holds a secret but has mode 0640" verify check --level data
chmod 600 keys/*.key
check "the dataset's" tells 6 "keys/sms.1.dataset-key' holds a secret but has mode 0640" agent run
check "check-config finds it as well" eval 'chmod 604 keys/agent.key; exits 2 agent check-config; warns "has mode 0604"'
check "who needs no key does not look at it" exits 0 verify check
chmod 600 keys/*.key keys/*.dataset-key
sed 's|keys/agent.key|keys/pruner.key|' good.yaml >"$config"
check "a key of another role is not taken for the agent's" tells 2 "is a key for the role pruner, not agent" agent run
sed "1i signers: [{name: operator, key: $TMPDIR/keys/operator.pub, roles: [operator]}]" good.yaml >"$config"
check "an agent that is no signer does not write what every reader would ignore" tells 2 \
	"is not among the signers of $config" agent run
cp good.yaml "$config"

# ---- what the configuration names on this host ----

# found_wrong "what" "message" SED...: check-config says so with its line (@), ends with 2, and lists it as JSON too
found_wrong() {
	local what=$1 message=$2 line
	shift 2
	sed "$@" good.yaml >"$config"
	line=$(diff good.yaml "$config" | sed -n '1s/^.*[acd]\([0-9]*\).*/\1/p')
	check "$what is found" tells 2 "$config:${message/@/$line}" agent check-config
	exits 2 agent check-config --json
	check "... and listed as JSON" json 'j["ok"] is False and len(j["errors"]) > 0'
}

is_listed() {
	value "[w if isinstance(w, str) else w['text'] for w in j['$1s']]" | grep -qF -- "$2"
}

# is_mentioned LEVEL "what" "message" SED...: a warning or note ends with 0
is_mentioned() {
	local level=$1 what=$2 message=$3
	shift 3
	sed "$@" good.yaml >"$config"
	check "$what is mentioned, and no error" exits 0 agent check-config --json
	check "... as a $level" is_listed "$level" "$message"
}

mkdir -p source/within
keys init --dir stranger --role operator >out
check "a good place has nothing to be told" exits 0 agent check-config --json
check "... also as JSON" json 'j["ok"] and j["errors"] == [] and j["warnings"] == []'
found_wrong "a public key where the secret one is needed" \
	"@: agent_key: '$TMPDIR/keys/agent.pub' is a public key: here the secret one is needed (agent.key)" \
	's|keys/agent.key|keys/agent.pub|'
check "... a run ends with the same status" tells 2 "is a public key: here the secret one is needed" agent run
found_wrong "an agent's key that is not there" "@: agent_key: '$TMPDIR/keys/none.key' does not exist" \
	's|keys/agent.key|keys/none.key|'
found_wrong "an operator's key that is not there" "@: operator_key: '$TMPDIR/keys/none.key' does not exist" \
	's|keys/operator.key|keys/none.key|'
found_wrong "a validator's key in the place of the operator's" \
	"@: operator_key: '$TMPDIR/keys/validator.key' is a key for the role validator, not operator" \
	's|keys/operator.key|keys/validator.key|'
found_wrong "an operator's key in the place of the validator's" \
	"@: validator_key: '$TMPDIR/keys/operator.key' is a key for the role operator, not validator" \
	's|keys/validator.key|keys/operator.key|'
found_wrong "an agent's key in the place of a pruner's" \
	"@: pruner_key: '$TMPDIR/keys/agent.key' is a key for the role agent, not pruner" \
	"2a pruner_key: $TMPDIR/keys/agent.key"
found_wrong "a recipient under two names" \
	"@: recipient 'again': '$TMPDIR/keys/operator.pub' is the key of recipient 'operator' too" \
	"/name: operator,/a\\  - {name: again, key: $TMPDIR/keys/operator.pub}"
found_wrong "that no operator could restore" "13: recipients: none is an operator" '/name: operator,/d'
found_wrong "a signer under two names" "2: signer 'b': '$TMPDIR/keys/agent.pub' is the key of another signer too" \
	-e "1i signers: [{name: a, key: $TMPDIR/keys/agent.pub, roles: [agent]}," \
	-e "1i \\  {name: b, key: $TMPDIR/keys/agent.pub, roles: [agent]}]"
found_wrong "a signer whose key is not there" "1: signer 'a': cannot open '$TMPDIR/keys/none.pub'" \
	"1i signers: [{name: a, key: $TMPDIR/keys/none.pub, roles: [agent]}]"
check "... a run names the line as well" tells 2 "$config:1: signer 'a': cannot open" agent run
found_wrong "a source that is not there" "@: dataset 'sms': source '$TMPDIR/none' does not exist" \
	"s|path: $TMPDIR/source|path: $TMPDIR/none|"
found_wrong "a source within a zone" "@: dataset 'sms': its source '$TMPDIR/az1/inner' lies in zone ams-1" \
	"s|path: $TMPDIR/source|path: $TMPDIR/az1/inner|"
found_wrong "a zone that is not there" "@: zone ams-1: cannot open its folder '$TMPDIR/none'" 's|/az1"|/none"|'
found_wrong "the state folder within a zone" "@: state: '$TMPDIR/az1/state' lies in zone ams-1: keys do not belong" \
	"s|^state: .*|state: $TMPDIR/az1/state|"
found_wrong "dataset keys within a zone" "@: keys_dir: '$TMPDIR/az2/keys' lies in zone ams-2" \
	"1i keys_dir: $TMPDIR/az2/keys"
found_wrong "dataset keys within the state folder" "@: keys_dir: '$TMPDIR/state/keys' lies in the state folder" \
	"1a keys_dir: $TMPDIR/state/keys"
is_mentioned warning "an operator's key that is no signer" "is not among the signers: seals that" \
	's|keys/operator.key|stranger/operator.key|'
is_mentioned warning "a zone within a source" "lies in the source of dataset" "s|path: $TMPDIR/source|path: $TMPDIR|"
check "a private key within a source is mentioned" warns "operator_key '$TMPDIR/keys/operator.key' lies in its source"
sed -i 's/type: files/type: files, exclude: [keys]/' "$config"
check "... unless it is excluded" eval 'exits 0 agent check-config && not grep -q operator_key err'
is_mentioned warning "an rpo longer than the window" "its rpo is longer than '3 months'" '$a\    rpo: 1 year'
is_mentioned warning "sources that overlap" "datasets 'sms' and 'inner' overlap" \
	"\$a\\  - {name: inner, product: messaging, class: user, source: {type: files, path: $TMPDIR/source/within}}"
is_mentioned note "a product without a dataset" "products of which no dataset is backed up: voice" \
	's/^datasets:/  - {name: voice, backup: 1 day}\n&/'
is_mentioned warning "on a host without an agent's key, a source that is not there" "none' does not exist" \
	-e '/^agent_key/d' -e "s|path: $TMPDIR/source|path: $TMPDIR/none|" -e "1i keys_dir: $TMPDIR/keys" \
	-e "1i signers: [{name: o, key: $TMPDIR/keys/operator.pub, roles: [operator]}]"
sed 's/^grace/grce/' good.yaml >"$config"
exits 2 agent check-config --json
check "what is no configuration is one error" json 'j["ok"] is False and "unknown key" in j["errors"][0]["text"]'
if [ "$(id -u)" = 0 ]; then
	cp good.yaml "$config"
	chmod 711 "$TMPDIR"
	chown -R 65534:65534 keys source state
	check "a zone that cannot be written to is found" tells 2 \
		"zone ams-1: '$TMPDIR/az1' cannot be written to by this user" \
		setpriv --reuid=65534 --regid=65534 --clear-groups "$NIGHTFOLD_BIN/nightfold-agent" check-config \
		--config "$config"
	chown -R 0:0 keys source state
else
	skip "a zone that cannot be written to is found" "needs root"
fi
cp good.yaml "$config"

# ---- as editors save it, and as others may ----

{ printf '\357\273\277'; sed 's/$/\r/' good.yaml; } >"$config"
check "a byte order mark and CRLF do not matter" exits 0 agent check-config
chmod 664 "$config"
check "so are keys that open snapshots beside the agent's" eval \
	'exits 0 agent check-config; says "beside agent_key lies what opens snapshots (" && says "operator.key"'
check "a configuration that others may write is told" tells 0 "$config: the file has mode 0664" agent check-config
chmod 644 "$config"
check "one that others may read is not" eval 'exits 0 agent check-config; ! warns "has mode"'
mkdir elsewhere && mv keys/operator.key keys/validator.key elsewhere
sed '/^operator_key\|^validator_key/d' good.yaml >"$config"
check "and keys elsewhere are not" eval 'exits 0 agent check-config; ! says "beside agent_key"'
mv elsewhere/* keys
check "what can stand in a configuration is described" \
	eval 'exits 0 agent check-config --keys; says "class: one of message, user, configuration; required"'
cp good.yaml "$config"

# ---- a dataset that is named no more ----

sed 's/name: sms/name: texts/' good.yaml >"$config"
check "a dataset that was renamed is not forgotten: its snapshots would never expire" tells 3 \
	"dataset sms is not in $config any more, but was backed up with this state folder: nothing of it expires" agent run
check "status says so" tells 3 "dataset sms is not in $config any more" agent status
check "so does prune" tells 3 "dataset sms is not in $config any more" agent prune
check "who names a dataset is told of that one" exits 0 agent status texts
rm -r az?/texts state/texts
cp good.yaml "$config"
check "put back, all is well" exits 0 agent prune

# ---- what opens a zone, in it ----

for row in "state: $PWD/az1" "state: $PWD/az1/below" "state: $PWD/keys/../az1" "keys_dir: $PWD/az1"; do
	{
		sed "/^${row%%:*}:/d" good.yaml
		echo "$row"
	} >"$config"
	find az1 | sort >before
	for command in run snapshot sync prune rebuild; do
		check "$row: $command refuses" tells 2 "lies in zone ams-1: keys do not belong beside" agent "$command"
	done
	find az1 | sort >after
	check "... and nothing was written there" cmp before after
done
cp good.yaml "$config"

# ---- the test clock ----

sed '/^test_clock/d' good.yaml >"$config"
refusal="NIGHTFOLD_TEST_NOW is set in the environment, but the configuration has no 'test_clock: true': unset it"
check "a test's clock is refused where the configuration does not allow it: run" tells 2 "$refusal" agent run
check "status" tells 2 "$refusal" agent status
check "list" tells 2 "$refusal" restore list
check "check" tells 2 "$refusal" verify check
check "also a zone's" tells 2 "NIGHTFOLD_TEST_NOW_AMS_1 is set in the environment" \
	env -u NIGHTFOLD_TEST_NOW NIGHTFOLD_TEST_NOW_AMS_1=2026-11-21T02:00:00Z \
	"$NIGHTFOLD_BIN/nightfold-agent" run --config "$config"
check "also without a configuration" exits 2 "$NIGHTFOLD_BIN/nightfold-restore" list --zone-url "file://$TMPDIR/az1" \
	--signer keys/agent.pub
cp good.yaml "$config"
at soon
check "a time that is none" tells 2 "NIGHTFOLD_TEST_NOW: 'soon' is no time: expected one as in 2026-11-21T02:00:00Z" \
	agent run
at 2026-11-22T02:00:00Z
check "where it is allowed, every message says that the clock is a test's" eval \
	'exits 2 agent run voice; warns "[test clock 2026-11-22T02:00:00Z]"'
check "and so does status" eval 'exits 0 agent status; says "the clock may be a test"'
finish
