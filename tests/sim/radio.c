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
	uint32_t wander_permille; /* the largest step of the place */
	uint32_t grant_permille;
	uint32_t pauses; /* in a period, on average */
	uint32_t pause_min_ms, pause_max_ms;
};

static const struct model models[RADIO_KINDS] = {
	[RADIO_LTE_ATT] = { "lte-att", { 40, 330, 1700, 5000, 7000 }, 105, 500, 10, 500, 5500 },
	[RADIO_LTE_VZW] = { "lte-vzw", { 400, 1250, 5850, 11500, 14000 }, 105, 500, 2, 400, 3000 },
	[RADIO_LTE_TMO] = { "lte-tmo", { 1000, 2500, 11900, 28000, 33000 }, 90, 500, 2, 300, 1200 },
	[RADIO_LTE_DRIVE] = { "lte", { 3000, 10900, 37000, 46000, 60000 }, 90, 400, 1, 300, 1600 },
	[RADIO_5G_DRIVE] = { "5g", { 0, 0, 6500, 124000, 180000 }, 90, 500, 4, 1000, 15000 },
	[RADIO_STILL_TMO] = { "still-t", { 6000, 10500, 34000, 118000, 125000 }, 25, 250, 0, 0, 0 },
	[RADIO_STILL_ATT] = { "still-a", { 0, 2, 28000, 170000, 180000 }, 25, 250, 8, 1000, 8000 },
	[RADIO_UMTS] = { "umts", { 60, 330, 1220, 1500, 1600 }, 60, 300, 8, 500, 4500 },
	[RADIO_EVDO] = { "evdo", { 60, 300, 1080, 1330, 1400 }, 60, 300, 9, 500, 6000 },
	[RADIO_WIFI] = { "wifi", { 3000, 8000, 20000, 32000, 40000 }, 40, 500, 30, 100, 300 },
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
	int64_t step = m->wander_permille * PLACE / 1000;
	int64_t next = place + (int64_t)rng_below(rng, 2 * (uint64_t)step + 1) - step;

	if (next < 0)
		next = -next;
	return (uint32_t)(next > PLACE ? 2 * PLACE - next : next);
}

/* Most pauses are short: the length grows with the fourth power of an even number. */
static usec_t draw_pause(struct rng *rng, const struct model *m)
{
	uint64_t x = rng_below(rng, 1001);
	uint64_t fourth = (x * x / 1000) * (x * x / 1000) / 1000;

	return (m->pause_min_ms + (m->pause_max_ms - m->pause_min_ms) * fourth / 1000) *
	       USEC_PER_MS;
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
