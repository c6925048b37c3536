#include "sim/radio.h"

#include "base/rng.h"

/*
 * The rate is the product of two levels in per mille: a slow one that is drawn towards 1000 and
 * pushed about once a second (the place), and a fast one drawn for each 100 ms (the grants). A
 * pause sets it to nothing.
 */
struct radio {
	uint64_t mean_bps;
	unsigned pauses; /* per period, on average */
	usec_t pause_min, pause_max;
};

static const struct radio radios[] = {
	{ 2050000, 5, 300 * USEC_PER_MS, 4000 * USEC_PER_MS },
	{ 6000000, 3, 500 * USEC_PER_MS, 1700 * USEC_PER_MS },
	{ 13000000, 2, 400 * USEC_PER_MS, 700 * USEC_PER_MS },
};

bool radio_capacity(unsigned link, uint64_t seed, struct capacity_step steps[static RADIO_STEPS])
{
	const struct radio *radio = &radios[link % (sizeof(radios) / sizeof(*radios))];
	struct rng rng = rng_of(seed ^ (uint64_t)(link + 1) << 32);
	int64_t slow = 1000;
	usec_t pause = 0;

	for (unsigned i = 0; i < RADIO_STEPS; i++) {
		uint64_t fast = 500 + rng_below(&rng, 1001);

		if (i % 10 == 0) {
			slow += (1000 - slow) / 4 + (int64_t)rng_below(&rng, 1301) - 650;
			slow = slow < 200 ? 200 : slow > 2400 ? 2400 : slow;
		}
		if (!pause && rng_chance(&rng, radio->pauses * 1000000 / RADIO_STEPS))
			pause = radio->pause_min +
				rng_below(&rng, radio->pause_max - radio->pause_min);
		steps[i] = (struct capacity_step){
			.at = i * RADIO_STEP,
			.rate_bps =
				pause ? 0 : radio->mean_bps * (uint64_t)slow / 1000 * fast / 1000,
		};
		pause = usec_sub(pause, RADIO_STEP);
	}
	return true;
}
