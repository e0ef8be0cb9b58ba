#include "repo/clock_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"

struct poll {
	unsigned agree, disagree;
	char who[256]; /* the last one that disagrees */
};

static void ask_zones(struct repo *r, struct poll *poll)
{
	for (unsigned i = 0; i < r->zone_count; i++) {
		int64_t theirs, ours = clock_now();
		bool independent;

		if (!r->zones[i].up || zone_clock(r->zones[i].zone, &theirs, &independent) != 0 || !independent)
			continue;
		if (llabs(theirs - ours) <= CLOCK_BOUND) {
			poll->agree++;
			continue;
		}
		char text[CLOCK_TEXT_MAX];
		snprintf(poll->who, sizeof poll->who, "zone %s says %s", r->zones[i].name, clock_format(theirs, text));
		poll->disagree++;
	}
}

static void ask_kernel(struct poll *poll)
{
	struct timex state = { 0 };
	int answer = adjtimex(&state);

	if (clock_is_test())
		return;
	/* An unsynchronised kernel is no source that disagrees: it has nothing to say. */
	if (answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0)
		poll->agree++;
}

static int read_confirmed(const char *path, int64_t *confirmed)
{
	_buf_ struct buf text = { 0 };

	*confirmed = INT64_MIN;
	buf_init(&text, CLOCK_TEXT_MAX, "confirmed time");
	int code = io_load(path, &text);
	if (code == ERR_MISSING)
		return 0;
	if (code == 0)
		code = buf_terminate(&text);
	if (code != 0)
		return code;
	text.data[strcspn((char *)text.data, "\n")] = '\0';
	return clock_parse((char *)text.data, confirmed);
}

int clock_check(struct repo *r, const struct config *config)
{
	_free_ char *path = xasprintf("%s/confirmed-time", config->state);
	char now_text[CLOCK_TEXT_MAX], confirmed_text[CLOCK_TEXT_MAX], line[CLOCK_TEXT_MAX + 1];
	int64_t confirmed, now = clock_now();
	struct poll poll = { 0 };
	int code = read_confirmed(path, &confirmed);

	clock_format(now, now_text);
	if (code != 0)
		return failed_in(ERR_REFUSED, "'%s'", path);
	if (confirmed != INT64_MIN && now < confirmed - CLOCK_BOUND)
		return failed(
			ERR_REFUSED,
			"this host's clock says %s, but it has been %s before: nothing is destroyed until it is right",
			now_text, clock_format(confirmed, confirmed_text));
	ask_zones(r, &poll);
	ask_kernel(&poll);
	if (config->clock_check && poll.disagree > 0 && (poll.agree + poll.disagree < 3 || poll.agree <= poll.disagree))
		return failed(ERR_REFUSED, "this host's clock says %s, but %s: nothing is destroyed until they agree",
			      now_text, poll.who);
	if (config->clock_check && poll.agree == 0)
		return failed(ERR_REFUSED,
			      "nothing independent confirms this host's clock (%s): nothing is destroyed; let NTP "
			      "synchronise it, "
			      "use a zone on another machine, or accept it with 'clock_check: off'",
			      now_text);
	snprintf(line, sizeof line, "%s\n", now_text);
	return io_save(path, line, strlen(line), 0600);
}
