#include "sim/radio.h"

#include "base/rng.h"

/*
 * A place between 0 and 1 wanders by even steps and is reflected at both ends, so over time it is
 * evenly spread; the quantiles of the trace turn it into a rate. So the rates of a long run have
 * the quantiles of the trace, whatever the width of a step, which decides how different two seconds
 * are. On top come the grants, even within +-grant of each step, and pauses.
 */
#define PLACE	  1000000
#define QUANTILES 5 /* at 0, 5, 50, 95 and 100 % */

static const uint32_t places[QUANTILES] = { 0, 50000, 500000, 950000, PLACE };

struct model {
	const char *name;
	uint32_t kbps[QUANTILES]; /* outside the pauses */
	uint32_t wander;	  /* largest step of the place */
	uint32_t grant_permille;
	uint32_t pauses; /* in a period, on average */
	usec_t pause_min, pause_max;
};

#define MS USEC_PER_MS
static const struct model models[RADIO_KINDS] = {
	[RADIO_LTE_ATT] = { "lte-att",
			    { 0, 300, 1650, 5300, 7500 },
			    130000,
			    600,
			    9,
			    500 * MS,
			    4000 * MS },
	[RADIO_LTE_VZW] = { "lte-vzw",
			    { 400, 1250, 5700, 11500, 14000 },
			    90000,
			    500,
			    2,
			    300 * MS,
			    1700 * MS },
	[RADIO_LTE_TMO] = { "lte-tmo",
			    { 1000, 2600, 11800, 27900, 33000 },
			    80000,
			    500,
			    2,
			    300 * MS,
			    800 * MS },
	[RADIO_LTE_DRIVE] = { "lte-drive",
			      { 3000, 10800, 35900, 45900, 60000 },
			      90000,
			      400,
			      1,
			      300 * MS,
			      1600 * MS },
	[RADIO_5G_DRIVE] = { "5g-drive",
			     { 0, 0, 8000, 126000, 180000 },
			     90000,
			     500,
			     4,
			     1000 * MS,
			     10000 * MS },
	[RADIO_STATIC_TMO] = { "static-tmo",
			       { 6000, 10500, 37000, 121000, 150000 },
			       25000,
			       250,
			       0,
			       0,
			       0 },
	[RADIO_STATIC_ATT] = { "static-att",
			       { 0, 2000, 30000, 173000, 200000 },
			       25000,
			       250,
			       6,
			       1000 * MS,
			       6000 * MS },
	[RADIO_UMTS] = { "umts",
			 { 40, 250, 1090, 1440, 1500 },
			 60000,
			 400,
			 7,
			 500 * MS,
			 5800 * MS },
	[RADIO_EVDO] = { "evdo", { 40, 200, 970, 1260, 1400 }, 60000, 400, 8, 500 * MS, 8000 * MS },
	[RADIO_WIFI] = { "wifi",
			 { 3000, 8000, 20000, 32000, 40000 },
			 40000,
			 500,
			 30,
			 100 * MS,
			 300 * MS },
};

const char *radio_name(enum radio kind)
{
	return models[kind].name;
}

static uint32_t quantile(const struct model *m, uint32_t place)
{
	unsigned i = 1;

	while (place > places[i])
		i++;
	return m->kbps[i - 1] + (uint32_t)((uint64_t)(m->kbps[i] - m->kbps[i - 1]) *
					   (place - places[i - 1]) / (places[i] - places[i - 1]));
}

static uint32_t wander(struct rng *rng, const struct model *m, uint32_t place)
{
	int64_t next = (int64_t)place + (int64_t)rng_below(rng, 2 * m->wander + 1) - m->wander;

	if (next < 0)
		next = -next;
	return (uint32_t)(next > PLACE ? 2 * PLACE - next : next);
}

/* Most pauses are short: the length grows with the square of an even number. */
static usec_t draw_pause(struct rng *rng, const struct model *m)
{
	uint64_t x = rng_below(rng, 1001);

	return m->pause_min + (m->pause_max - m->pause_min) * x * x / 1000000;
}

void radio_steps(enum radio kind, unsigned link, uint64_t seed, struct capacity_step *steps)
{
	const struct model *m = &models[kind];
	struct rng rng = rng_of(seed ^ (uint64_t)(link + 1) << 32);
	uint32_t place = (uint32_t)rng_below(&rng, PLACE + 1);
	usec_t pause = 0;

	for (unsigned i = 0; i < RADIO_STEPS; i++) {
		uint64_t grant =
			1000 - m->grant_permille + rng_below(&rng, 2 * m->grant_permille + 1);

		place = wander(&rng, m, place);
		if (!pause && rng_chance(&rng, m->pauses * 1000000 / RADIO_STEPS))
			pause = draw_pause(&rng, m);
		steps[i] = (struct capacity_step){
			.at = i * RADIO_STEP,
			.rate_bps = pause ? 0 : quantile(m, place) * grant,
		};
		pause = usec_sub(pause, RADIO_STEP);
	}
}

bool radio_capacity(unsigned link, uint64_t seed, struct capacity_step *steps)
{
	radio_steps(RADIO_LTE_ATT + link % 3, link, seed, steps);
	return true;
}
