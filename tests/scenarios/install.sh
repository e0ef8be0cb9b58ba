#!/bin/sh
# `make install` puts everything where Debian would, and leaves a configuration alone that is already there.
set -u

number=0
check() {
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then echo "ok $number - $name"; else echo "not ok $number - $name"; fi
}

installed() {
	for file in "$@"; do
		[ -s "$TMPDIR/$file" ] || { echo "# no $file"; return 1; }
	done
}

has_symbols() {
	for program in "$TMPDIR"/usr/bin/nightfold-*; do
		nm "$program" 2>&1 | grep -q ' T main$' || { echo "# $program is stripped"; return 1; }
	done
}

contains() {
	grep -qF -- "$1" "$TMPDIR/$2" || { echo "# no '$1' in $2"; return 1; }
}

help_fits() {
	for program in agent restore verify keys; do
		for command in $("$NIGHTFOLD_BIN/nightfold-$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\)  .*/\1/p'); do
			"$NIGHTFOLD_BIN/nightfold-$program" "$command" --help >"$TMPDIR/help" || return 1
			! grep -E '.{81}' "$TMPDIR/help" || { echo "# in $program $command"; return 1; }
		done
	done
}

cd "$SRC" || exit 1
check "installs below DESTDIR" tools/install "$NIGHTFOLD_BIN" "$TMPDIR" /usr
check "programs are there" installed usr/bin/nightfold-agent usr/bin/nightfold-restore usr/bin/nightfold-verify \
	usr/bin/nightfold-keys
check "programs keep their symbols" has_symbols
check "units are there" installed lib/systemd/system/nightfold.service lib/systemd/system/nightfold.timer \
	lib/systemd/system/nightfold-prune.service lib/systemd/system/nightfold-prune.timer
check "each program has a man page" installed usr/share/man/man1/nightfold-agent.1 usr/share/man/man1/nightfold-restore.1 \
	usr/share/man/man1/nightfold-verify.1 usr/share/man/man1/nightfold-keys.1
check "each program completes in bash" installed usr/share/bash-completion/completions/nightfold-agent \
	usr/share/bash-completion/completions/nightfold-restore usr/share/bash-completion/completions/nightfold-verify \
	usr/share/bash-completion/completions/nightfold-keys
check "what completes in bash is bash" bash -n "$TMPDIR/usr/share/bash-completion/completions/nightfold-agent"
check "each program completes in zsh" contains "#compdef nightfold-agent" usr/share/zsh/vendor-completions/_nightfold-agent
if command -v zsh >/dev/null; then
	# shellcheck disable=SC2016 # zsh expands it
	check "... and zsh takes it" zsh -fc \
		'autoload -Uz compinit && compinit -u -D && . "$0" && [ -n "${_comps[nightfold-agent]}" ]' \
		"$TMPDIR/usr/share/zsh/vendor-completions/_nightfold-agent"
fi
# systemd has nothing to say about the units, started from where the programs are.
units_are_sound() {
	mkdir -p "$TMPDIR/units"
	for unit in "$TMPDIR"/lib/systemd/system/nightfold*; do
		sed "s|/usr/bin/nightfold|$NIGHTFOLD_BIN/nightfold|" "$unit" >"$TMPDIR/units/${unit##*/}"
	done
	complaints=$(systemd-analyze verify --man=no "$TMPDIR"/units/* 2>&1)
	[ -z "$complaints" ] || { echo "$complaints" | sed 's/^/# /'; return 1; }
}
if command -v systemd-analyze >/dev/null; then
	check "systemd takes the units" units_are_sound
fi
check "the help of every command fits a terminal" help_fits
check "an example for cron is there, and not active" installed usr/share/doc/nightfold/examples/cron.d/nightfold
check "the sample configuration is there" installed etc/nightfold/nightfold.yaml

check "installs for the administrator alone" tools/install "$NIGHTFOLD_BIN" "$TMPDIR/local" /usr/local
check "where systemd looks for that" contains "ExecStart=/usr/local/bin/nightfold-agent prune" \
	local/usr/local/lib/systemd/system/nightfold-prune.service
check "and zsh" installed local/usr/local/share/zsh/site-functions/_nightfold-keys

echo "# mine" >"$TMPDIR/etc/nightfold/nightfold.yaml"
check "installs again, elsewhere" tools/install "$NIGHTFOLD_BIN" "$TMPDIR" /opt/nightfold
check "an existing configuration stays" contains "# mine" etc/nightfold/nightfold.yaml
check "units start what was installed" contains "ExecStart=/opt/nightfold/bin/nightfold-agent run" \
	lib/systemd/system/nightfold.service
check "so does cron" contains "/opt/nightfold/bin/nightfold-agent prune" \
	opt/nightfold/share/doc/nightfold/examples/cron.d/nightfold
