# shellcheck shell=bash
# What the scenarios share; no scenario by itself. In a script: . "$SRC/tests/scenarios/lib.sh"
#
#	check "says what holds" COMMAND...      one test, which passes when the command does
#	check "says what holds" exits 3 agent run       ... when it ends with that status
#	skip "says what would hold" "why not here"
#	finish                                  at the end
#
# After exits, the command's output is in the files out and err: `says TEXT`, `warns TEXT`, `json EXPRESSION` look there.

number=0

check() {
	local name=$1
	shift
	number=$((number + 1))
	if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

finish() {
	echo "1..$number"
}

# Ends the scenario where nothing that follows could mean anything.
give_up() {
	echo "Bail out! $1"
	echo "not ok $((number + 1)) - $1"
	exit 1
}

explain() {
	echo "# $1"
	sed 's/^/#   /' "$TMPDIR/out" "$TMPDIR/err" 2>/dev/null | cut -c 1-400 | head -n 60
	return 1
}

# exits STATUS COMMAND...: output and messages are kept in out and err. STATUS may be a choice: '0|3'
exits() {
	local wanted=$1 got=0
	shift
	"$@" >"$TMPDIR/out" 2>"$TMPDIR/err" || got=$?
	[[ $got =~ ^($wanted)$ ]] || explain "exit status $got, not $wanted: $*"
}

says() {
	grep -qF -- "$1" "$TMPDIR/out" || explain "no '$1' on standard output"
}

warns() {
	grep -qF -- "$1" "$TMPDIR/err" || explain "no '$1' on standard error"
}

# json EXPRESSION: true in Python, where j is what standard output holds: the list of datasets, or the one if there is one (`rows` is
# a list in any case)
json() {
	/usr/bin/python3 - "$1" "$TMPDIR/out" <<-'PYTHON' || explain "not so: $1"
		import json, sys
		j = json.load(open(sys.argv[2]))
		rows = j if isinstance(j, list) else [j]
		j = j[0] if isinstance(j, list) and len(j) == 1 else j
		sys.exit(not eval(sys.argv[1]))
	PYTHON
}

# value EXPRESSION: prints it, in the same way
value() {
	/usr/bin/python3 -c '
import json, sys
j = json.load(open(sys.argv[2]))
j = j[0] if isinstance(j, list) and len(j) == 1 else j
print(eval(sys.argv[1]))' "$1" "$TMPDIR/out"
}

not() {
	! "$@"
}

# The clock of every program from here on; the configurations below say test_clock: true.
at() {
	export NIGHTFOLD_TEST_NOW=$1
}

agent() {
	"$NIGHTFOLD_BIN/nightfold-agent" "$@" --config "$config"
}

restore() {
	"$NIGHTFOLD_BIN/nightfold-restore" "$@" --config "$config"
}

verify() {
	"$NIGHTFOLD_BIN/nightfold-verify" "$@" --config "$config"
}

keys() {
	"$NIGHTFOLD_BIN/nightfold-keys" "$@"
}

reader() {
	/usr/bin/python3 "$SRC/tests/reader.py" "$@"
}

# compare ORIGINAL COPY: in content and every attribute (sockets are noted, and not made again)
compare() {
	"$SRC/tests/tools/compare_trees.py" --no-sockets "$@" | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

# new_place DIR [LINE...]: keys of every role, two zones, and a configuration that add_dataset completes. LINEs go into it. $config
# is that of the newest place.
new_place() {
	local place=$1 zone=${zones_at:-$1}
	shift
	mkdir -p "$place" "$zone/az1" "$zone/az2"
	[ -d "$place/keys" ] || keys init --dir "$place/keys" >/dev/null || give_up "no keys can be made"
	config=$place/nightfold.yaml
	cat >"$config" <<-YAML
		state: $place/state
		agent_key: $place/keys/agent.key
		operator_key: $place/keys/operator.key
		validator_key: $place/keys/validator.key
		grace: ${grace:-0 hours}
		test_clock: true
		same_host: accepted
		$(printf '%s\n' "$@")
		zones:
		  - {name: ams-1, url: "file://$zone/az1", jurisdiction: nl}
		  - {name: ams-2, url: "file://$zone/az2", jurisdiction: nl}
		recipients:
		  - {name: operator, key: $place/keys/operator.pub}
		  - {name: validator, key: $place/keys/validator.pub}
		products:
		  - {name: messaging, backup: ${backup:-3 months}}
		datasets:
	YAML
}

# add_dataset NAME FOLDER [KEY: VALUE, ...]
add_dataset() {
	cat >>"$config" <<-YAML
		  - name: $1
		    product: messaging
		    class: message
		    source: {type: files, path: $2}
	YAML
	shift 2
	[ $# = 0 ] || printf '    %s\n' "$@" >>"$config"
}

# messages SEED LINES: real-looking, a JSON object a line
messages() {
	awk -v seed="$1" -v lines="$2" 'BEGIN {
		srand(seed)
		n = split("your parcel code is order meeting invoice thanks tomorrow confirm delivery appointment today paid later", word, " ")
		for (i = 0; i < lines; i++) {
			body = ""
			for (k = 0; k < 6 + rand() * 14; k++)
				body = body word[1 + int(rand() * n)] " "
			printf "{\"id\":\"%08x%04x\",\"to\":\"+316%08d\",\"body\":\"%s%06d\",\"ts\":%d}\n", rand() * 2^32, rand() * 65536,
				rand() * 1e8, body, rand() * 1e6, 1790000000000 + i * 900
		}
	}'
}

# tells STATUS MESSAGE COMMAND...: the status, and the message on standard error
tells() {
	local status=$1 message=$2
	shift 2
	exits "$status" "$@" && warns "$message"
}

# ---- trouble at a chosen moment ----

# faulty WHAT MOMENT FOLDER COMMAND...: what fault.c says; FOLDER: / for everywhere
faulty() {
	local what=$1 moment=$2 under=$3
	shift 3
	[ -e "$TMPDIR/fault.so" ] || make_faults
	(
		export LD_PRELOAD=$TMPDIR/fault.so FAULT=$what FAULT_AT=$moment FAULT_UNDER=${under%/}
		"$@"
	)
}

make_faults() {
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -O2 -shared -fPIC -o "$TMPDIR/fault.so" "$SRC/tests/tools/fault.c" ||
		give_up "fault.c does not compile"
}
