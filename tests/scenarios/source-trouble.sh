#!/bin/bash
# A source that does not hold still: files that change, grow, shrink and vanish while they are read, and files that may
# not be read. Each is listed, the night ends with status 3, and everything else is restored as it was.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
cd "$TMPDIR" || exit 1

# found PATH WORDS: among what the run found; in the file out
found() {
	json "any(f['kind'] == 'skipped' and f['object'] == '$1' and '$2' in f['text'] for f in j['findings'])"
}

# ---- while it is read ----

new_place "$TMPDIR"
mkdir source source/still source/going
add_dataset sms "$TMPDIR/source"
messages 1 2000 >source/still/messages.jsonl
head -c 40000000 /dev/urandom >source/a-first
for name in grows shrinks is-rewritten; do head -c 40000000 /dev/urandom >"source/b-$name"; done
for name in vanishes turns; do head -c 100000 /dev/urandom >"source/z-$name"; done
echo going >source/going/file
cp -a source/still still
make_faults

# Halted at its first pack, the agent has the first file open, and the rest before it.
at 2026-11-21T02:00:00Z
LD_PRELOAD=$TMPDIR/fault.so FAULT=stop FAULT_AT=1 FAULT_UNDER=$TMPDIR/az1/sms/packs \
	nice -n 19 "$NIGHTFOLD_BIN/nightfold-agent" run --json --config "$config" >out 2>err & # what changes files is to get its turn
agent=$!
for _ in $(seq 500); do
	! grep -q '^State:.T' "/proc/$agent/status" 2>/dev/null || break
	sleep 0.02
done
rm -r source/z-vanishes source/going source/z-turns
mkdir source/z-turns
# Every millisecond, so that it happens during each of the readings.
/usr/bin/python3 - <<'PYTHON' &
import os, time
for step in range(60000):
    if os.path.exists("still-enough"):
        break
    with open("source/b-grows", "ab") as f:
        f.write(os.urandom(1000))
    os.truncate("source/b-shrinks", os.path.getsize("source/b-shrinks") - 100)
    with open("source/b-is-rewritten", "r+b") as f:
        f.seek(1000 * (step % 1000))
        f.write(os.urandom(1000))
    time.sleep(0.001)
PYTHON
writer=$!
until [ "$(stat -c %s source/b-grows)" -gt 40000000 ]; do sleep 0.01; done
kill -CONT "$agent"
got=0
wait "$agent" || got=$?
touch still-enough
wait "$writer"
check "a night over a source that changes ends with status 3" test "$got" = 3
check "a file that grows is listed" found b-grows "changed"
check "one that shrinks is listed" found b-shrinks "changed"
check "one that is rewritten is listed" found b-is-rewritten "changed"
check "one that vanished is listed" found z-vanishes "vanish"
check "they are counted" json 'j["changed"] >= 3 and j["skipped"] >= 1'
check "the snapshot is in both zones" json 'j["zones"] == ["ams-1", "ams-2"]'
check "and whole in each, in spite of all" exits 0 verify check --level data
check "who lists snapshots" exits 0 restore list
check "sees that files were skipped or changed" says "(files were skipped or changed)"
check "it is restored" exits 0 restore restore sms@latest --to restored
check "what held still is what it was" diff -r still restored/still
check "so is what nobody touched" cmp source/a-first restored/a-first
check "what grew is what it was at some moment" cmp -n "$(stat -c %s restored/b-grows)" source/b-grows restored/b-grows
check "what shrank too" test "$(stat -c %s restored/b-shrinks)" -ge "$(stat -c %s source/b-shrinks)"
check "what vanished is not there" test ! -e restored/z-vanishes
at 2026-11-22T02:00:00Z
check "the next night, without such trouble, has nothing to tell" exits 0 agent run --json
check "and lists nothing" json 'j["skipped"] == 0 and j["changed"] == 0 and j["findings"] == []'
check "it is restored" exits 0 restore restore sms@latest --to restored-next
check "and is the source" compare source restored-next

# ---- hard links whose first name goes before it is read ----

rm -rf source restored restored-next
mkdir source
for name in a-held m-held; do echo "$name" >source/$name; done
for name in b-vanishes n-replaced; do
	echo "behind $name" >source/$name
	for other in c-further d-further; do ln source/$name "source/$name-$other"; done
done
at 2026-11-22T12:00:00Z
# Whoever opens a file under a lease waits until its holder gives way, who first takes the file's neighbour away.
/usr/bin/python3 - <<'PYTHON' &
import fcntl, os, signal, sys, time
def hold(path, meddle):
    fd = os.open(path, os.O_RDONLY)
    def give_way(*_):
        meddle()
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        open(path + ".done", "w")
    number = signal.SIGRTMIN + fd
    signal.signal(number, give_way)
    fcntl.fcntl(fd, fcntl.F_SETSIG, number)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
def replace():
    with open("new", "w") as f:
        f.write("another file\n")
    os.rename("new", "source/n-replaced")
try:
    hold("source/a-held", lambda: os.unlink("source/b-vanishes"))
    hold("source/m-held", replace)
except OSError:
    open("no-leases", "w")
open("held", "w")
while not os.path.exists("read"):
    time.sleep(0.01)
PYTHON
holder=$!
until [ -e held ]; do sleep 0.01; done
if [ -e no-leases ]; then
	skip "hard links whose first name goes" "this file system has no leases"
else
	check "a night in which first names go ends" exits '0|3' agent run --json
	check "what vanished is listed" found b-vanishes "vanish"
	check "no link leads to nothing" exits 0 verify check --level data
	check "it is restored" exits 0 restore restore sms@latest --to restored
	check "the next name of what vanished has the content" \
		grep -qx "behind b-vanishes" restored/b-vanishes-c-further
	check "... and the one after it is its link" \
		test restored/b-vanishes-c-further -ef restored/b-vanishes-d-further
	check "what was replaced is one file or the other" grep -Eqx "behind n-replaced|another file" restored/n-replaced
	check "... and its other names are what they were" grep -qx "behind n-replaced" restored/n-replaced-c-further
	check "... links of each other" test restored/n-replaced-c-further -ef restored/n-replaced-d-further
fi
touch read
wait "$holder"

# ---- what may not be read ----

# As root everything may be read: the agent runs as somebody else then.
unprivileged() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
	else
		"$@"
	fi
}

rm -rf source az1 az2 state restored restored-next
mkdir -p az1 az2 source/open source/closed source/no-listing
messages 3 500 >source/open/messages.jsonl
for name in secret readable; do echo "$name" >"source/$name"; done
echo inside >source/closed/inside
echo inside >source/no-listing/inside
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$TMPDIR"
	chown -R 65534:65534 .
	chown 0:0 source/secret source/closed source/no-listing
fi
chmod 000 source/secret source/closed
chmod 311 source/no-listing
[ "$(id -u)" = 0 ] || chmod 300 source/no-listing
agent_of_nobody() {
	unprivileged "$NIGHTFOLD_BIN/nightfold-agent" "$@" --config "$config"
}
at 2026-11-23T02:00:00Z
if unprivileged test -x "$NIGHTFOLD_BIN/nightfold-agent" -a -r keys/agent.key; then
	check "a night over a source of which not all may be read ends with status 3" exits 3 agent_of_nobody run --json
	check "a file without permission is listed" found secret "Permission denied"
	check "a folder without permission is listed" found closed "Permission denied"
	check "a folder that may be entered and not listed is listed" found no-listing "Permission denied"
	check "they are counted" json 'j["skipped"] == 3'
	check "it is told on standard error as well" warns "secret: "
	check "the night after says it again" exits 3 agent_of_nobody run --json
	check "as often" json 'j["skipped"] == 3'
	check "status says so" eval 'exits 3 agent_of_nobody status; says "NOT ALL: 3 entries skipped"'
	check "the rest is restored" exits 0 restore restore sms@latest --to restored
	check "as it is" diff -r source/open restored/open
	check "file by file" cmp source/readable restored/readable
	check "and nothing of the others" test ! -e restored/secret -a ! -e restored/closed/inside
	chmod 700 source
	[ "$(id -u)" != 0 ] || chown 0:0 source
	chmod 000 source
	check "a source that cannot be opened fails the night" tells 1 "Permission denied" agent_of_nobody run
	chmod 700 source
	mv source source.away
	check "so does one that is not there" tells 1 "source '$TMPDIR/source' does not exist" agent_of_nobody run
	echo "no folder" >source
	check "one that is no folder is an error of the configuration" tells 2 "is not a folder" agent_of_nobody run
	check "no such night leaves a snapshot" eval 'exits 0 restore list --json; json "len(j) == 2"'
else
	skip "files that may not be read are listed" "user 65534 does not get to the programs"
fi
finish
