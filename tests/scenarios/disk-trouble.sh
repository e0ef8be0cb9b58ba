#!/bin/bash
# slow
# Disks that are full, or break, at any moment of a night: every earlier snapshot can be restored, nothing is half
# committed, and the next night puts it right.
set -u
# shellcheck source=tests/scenarios/lib.sh
. "$SRC/tests/scenarios/lib.sh"
# shellcheck source=tests/scenarios/lib-moments.sh
. "$SRC/tests/scenarios/lib-moments.sh"
cd "$TMPDIR" || exit 1

step=${STEP:-1} # larger to look around, not to be sure
three_nights
keep
after=(agent run)
sweep "full disks" full / $((7 * step)) 1 "No space left on device" agent run
sweep "a full zone" full "$TMPDIR/az2" $((4 * step)) 3 "No space left on device" agent run
sweep "a full disk under the state" full "$TMPDIR/state" $((4 * step)) 1 "No space left on device" agent run
sweep "broken disks" broken / $((7 * step)) 1 "Input/output error" agent run
sweep "a broken zone" broken "$TMPDIR/az1" $((7 * step)) 3 "Input/output error" agent run
sweep "a broken disk under the state" broken "$TMPDIR/state" $((7 * step)) 1 "Input/output error" agent run
finish
