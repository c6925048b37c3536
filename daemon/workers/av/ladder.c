#include "workers/av/ladder.h"

#include <stdlib.h>
#include <string.h>

/*
 * Down soon, up late: a size that comes and goes is worse to look at than one that is a little too
 * small. A step up must look affordable, with a margin, for ten seconds without a break; several
 * rungs may be taken at once.
 */
static const struct ladder_rungs usual = {
	.count = 3,
	.rung = { { 1080, 3500000 }, { 720, 1500000 }, { 480, 0 } },
};

/* A number with k or M behind it, up to @end; false: it is none. */
static bool rate_of(const char *text, const char *end, uint64_t *ret_bps)
{
	char *rest;
	double value;

	if (text == end || !strchr("0123456789", *text))
		return false;
	value = strtod(text, &rest);
	if (*rest == 'k')
		value *= 1e3;
	else if (*rest == 'M')
		value *= 1e6;
	rest += *rest == 'k' || *rest == 'M' ? 1 : 0;
	if (rest != end || value > 1e9)
		return false;
	*ret_bps = (uint64_t)value;
	return true;
}

static bool rung_of(const char *text, const char *end, int *ret_height, uint64_t *ret_bps)
{
	char *rest;
	long height = strtol(text, &rest, 10);

	if (rest == text || rest > end || height < 16 || height > 8192 || height % 2)
		return false;
	*ret_height = (int)height;
	*ret_bps = 0;
	return rest == end || (*rest == ':' && rate_of(rest + 1, end, ret_bps));
}

bool ladder_parse(const char *text, struct ladder_rungs *ret_rungs)
{
	struct ladder_rungs rungs = { 0 };

	if (!strcmp(text, "yes")) {
		*ret_rungs = usual;
		return true;
	}
	while (strcmp(text, "no")) {
		const char *end = strchrnul(text, ',');
		unsigned n = rungs.count;

		if (n == LADDER_RUNGS_MAX ||
		    !rung_of(text, end, &rungs.rung[n].height, &rungs.rung[n].from_bps))
			return false;
		if (n && (rungs.rung[n].height >= rungs.rung[n - 1].height ||
			  rungs.rung[n].from_bps >= rungs.rung[n - 1].from_bps))
			return false;
		rungs.count++;
		if (!*end)
			break;
		text = end + 1;
	}
	*ret_rungs = rungs;
	return true;
}

void ladder_init(struct ladder *ladder, const struct ladder_rungs *rungs)
{
	*ladder = (struct ladder){ .rungs = *rungs, .since = USEC_NEVER };
}

/* The rung for @bps; @percent of a rung's rate are needed for it. */
static unsigned ladder_find(const struct ladder *ladder, uint64_t bps, unsigned percent)
{
	unsigned i = 0;

	while (i + 1 < ladder->rungs.count && bps * 100 < ladder->rungs.rung[i].from_bps * percent)
		i++;
	return i;
}

int ladder_height(struct ladder *ladder, int height, uint64_t bps, usec_t now)
{
	unsigned down, up, wanted;

	if (!ladder->rungs.count)
		return height;
	down = ladder_find(ladder, bps, 100);
	up = ladder_find(ladder, bps, LADDER_UP_PERCENT);
	if (!ladder->started)
		ladder->now = down;
	ladder->started = true;
	wanted = down > ladder->now ? down : up < ladder->now ? up : ladder->now;
	if (wanted == ladder->now) {
		ladder->since = USEC_NEVER;
	} else if (ladder->since == USEC_NEVER || ladder->upward != (wanted < ladder->now)) {
		ladder->since = now;
		ladder->upward = wanted < ladder->now;
	}
	if (ladder->since != USEC_NEVER &&
	    usec_since(ladder->since, now) >=
		    (ladder->upward ? LADDER_UP_AFTER : LADDER_DOWN_AFTER)) {
		ladder->now = wanted;
		ladder->since = USEC_NEVER;
	}
	return ladder->rungs.rung[ladder->now].height < height
		       ? ladder->rungs.rung[ladder->now].height
		       : height;
}
