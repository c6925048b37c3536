#include "sim/radiostats.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND_STEPS   (USEC_PER_SEC / RADIO_STEP)
#define BINS	       (RADIO_STEPS / SECOND_STEPS)
#define RATIO_FROM_BPS 200000
#define GAP_LONG       (500 * USEC_PER_MS)

struct taker {
	uint64_t *bin, *ratio, *gap; /* one per second, step and seed */
	size_t bins, ratios, gaps, gaps_long;
	uint64_t sum;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t second_from(const uint64_t *step, unsigned at)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SECOND_STEPS; i++)
		sum += step[at + i];
	return sum / SECOND_STEPS;
}

static void take_gaps(struct taker *t, const uint64_t *step)
{
	usec_t gap = 0, longest = 0;

	for (unsigned i = 0; i < RADIO_STEPS; i++) {
		gap = step[i] ? 0 : gap + RADIO_STEP;
		t->gaps_long += gap == GAP_LONG;
		longest = usec_max(longest, gap);
	}
	t->gap[t->gaps++] = longest;
}

static void take_period(struct taker *t, const uint64_t *step)
{
	for (unsigned i = 0; i < RADIO_STEPS; i += SECOND_STEPS) {
		t->bin[t->bins] = second_from(step, i);
		t->sum += t->bin[t->bins++];
	}
	for (unsigned i = SECOND_STEPS; i + SECOND_STEPS <= RADIO_STEPS; i++) {
		uint64_t last = second_from(step, i - SECOND_STEPS);

		if (last > RATIO_FROM_BPS)
			t->ratio[t->ratios++] = second_from(step, i) * 1000 / last;
	}
	take_gaps(t, step);
}

int radiostats_take(const enum radio *kinds, unsigned count, unsigned seeds,
		    struct radiostats *ret_stats)
{
	struct taker t = { .bin = calloc((size_t)seeds * BINS, sizeof(*t.bin)),
			   .ratio = calloc((size_t)seeds * RADIO_STEPS, sizeof(*t.ratio)),
			   .gap = calloc(seeds, sizeof(*t.gap)) };
	int r = t.bin && t.ratio && t.gap ? 0 : -ENOMEM;

	for (unsigned seed = 1; !r && seed <= seeds; seed++) {
		uint64_t sum[RADIO_STEPS] = { 0 };
		struct capacity_step steps[RADIO_STEPS];

		for (unsigned i = 0; i < count; i++) {
			radio_steps(kinds[i], i, seed, steps);
			for (unsigned k = 0; k < RADIO_STEPS; k++)
				sum[k] += steps[k].rate_bps;
		}
		take_period(&t, sum);
	}
	if (!r) {
		qsort(t.bin, t.bins, sizeof(*t.bin), compare);
		qsort(t.ratio, t.ratios, sizeof(*t.ratio), compare);
		qsort(t.gap, t.gaps, sizeof(*t.gap), compare);
		*ret_stats = (struct radiostats){
			.mean_bps = t.sum / t.bins,
			.p5_bps = t.bin[t.bins / 20],
			.p50_bps = t.bin[t.bins / 2],
			.p95_bps = t.bin[t.bins * 19 / 20],
			.gap = t.gap[t.gaps / 2],
			.gaps = (unsigned)(t.gaps_long * 10 / seeds),
			.ratio_p5_permille = (unsigned)t.ratio[t.ratios / 20],
			.ratio_p1_permille = (unsigned)t.ratio[t.ratios / 100],
		};
	}
	free(t.bin);
	free(t.ratio);
	free(t.gap);
	return r;
}
