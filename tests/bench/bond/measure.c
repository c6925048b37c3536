#include "bench/bond/measure.h"

#include <string.h>

/* A healed link has its share again when it carries so much of what it carried before over a
 * second. */
#define SHARE_PERMILLE 800
#define SHARE_SPAN     USEC_PER_SEC

static uint64_t share(uint64_t part, uint64_t whole, uint64_t scale)
{
	return whole ? (uint64_t)((unsigned __int128)part * scale / whole) : FIGURE_NONE;
}

static void measure_media(const struct world_config *config, const struct world_figures *f,
			  uint64_t *value)
{
	const struct recorder_figures *m = &f->media;
	uint64_t useful = m->submitted ? f->primary_bytes * m->delivered / m->submitted : 0;

	value[FIGURE_SUBMITTED] = m->submitted;
	value[FIGURE_LOST] = m->lost;
	value[FIGURE_LATE] = m->late;
	value[FIGURE_MISSED] = m->lost + m->late;
	value[FIGURE_MISSED_PPM] = share(m->lost + m->late, m->submitted, 1000000);
	for (unsigned i = 0; i < RECORDER_BUDGETS; i++)
		value[FIGURE_WITHIN_PPM + i] = share(m->within[i], m->submitted, 1000000);
	value[FIGURE_P50_US] = m->p50;
	value[FIGURE_P95_US] = m->p95;
	value[FIGURE_P99_US] = m->p99;
	value[FIGURE_P999_US] = m->p999;
	value[FIGURE_GAP_US] = m->gap;
	value[FIGURE_ON_TIME_BPS] =
		share((uint64_t)((unsigned __int128)f->primary_bytes * (m->delivered - m->late) /
				 (m->submitted ? m->submitted : 1)),
		      world_length(config), 8 * USEC_PER_SEC);
	value[FIGURE_EXTRA_BYTES] = f->up_bytes > useful ? f->up_bytes - useful : 0;
	value[FIGURE_OVERHEAD_PPM] = share(value[FIGURE_EXTRA_BYTES], useful, 1000000);
}

static void measure_links(const struct oracle *oracle, const struct world_figures *f,
			  uint64_t *value)
{
	uint64_t media = 0, copies = 0;

	value[FIGURE_COPIES_PPM] = share(f->copy_packets, f->media_packets, 1000000);
	for (unsigned i = 0; i < f->links; i++) {
		if (i < FIGURE_LINKS_MAX)
			value[FIGURE_USE_PPM + i] =
				share(f->link[i].bytes, oracle->total[i], 1000000);
		if (!oracle->paid[i])
			continue;
		media += f->link[i].media;
		copies += f->link[i].copies;
	}
	value[FIGURE_COPIES_PAID_PPM] = share(copies, media, 1000000);
}

static void measure_heal(const struct bench_scenario *s, const struct world_figures *f,
			 uint64_t *value)
{
	const struct world_link_figures *link = NULL;
	uint64_t before;

	for (unsigned i = 0; i < f->links; i++)
		if (!strcmp(f->link[i].name, s->heal_link))
			link = &f->link[i];
	if (!link)
		return;
	before = world_link_bytes(link, s->cut_at / 2, s->cut_at) / (s->cut_at / 2 / WORLD_TICK);
	value[FIGURE_HEAL_MS] = FIGURE_NEVER;
	value[FIGURE_HEAL_SHARE_PPM] = share(
		world_link_bytes(link, s->heal_at + 4 * SHARE_SPAN, s->heal_at + 5 * SHARE_SPAN),
		before * (SHARE_SPAN / WORLD_TICK), 1000000);
	for (usec_t t = s->heal_at + SHARE_SPAN; t < WORLD_LEAD + world_length(&s->world);
	     t += WORLD_TICK) {
		if (world_link_bytes(link, t - SHARE_SPAN, t) * 1000 <
		    before * (SHARE_SPAN / WORLD_TICK) * SHARE_PERMILLE)
			continue;
		value[FIGURE_HEAL_MS] = (t - s->heal_at) / USEC_PER_MS;
		return;
	}
}

/* The first moment since @at when the advice in force is at most (or, @rising, at least) @bps. */
static uint64_t advice_after(const struct world_figures *f, usec_t at, uint64_t bps, bool rising)
{
	for (unsigned i = 0; i < f->advices; i++) {
		const struct world_advice *a = &f->advice[i];
		usec_t until = i + 1 < f->advices ? f->advice[i + 1].at : USEC_NEVER;

		if (until > at && (rising ? a->bps >= bps : a->bps <= bps))
			return usec_since(at, a->at) / USEC_PER_MS;
	}
	return FIGURE_NEVER;
}

void measure(const struct bench_scenario *scenario, const struct world_config *config,
	     const struct oracle *oracle, const struct world_figures *figures,
	     struct outcome *ret_outcome)
{
	uint64_t *value = ret_outcome->value;

	measure_media(config, figures, value);
	measure_links(oracle, figures, value);
	if (scenario->heal_link)
		measure_heal(scenario, figures, value);
	if (figures->advices && scenario->down_at)
		value[FIGURE_DOWN_MS] =
			advice_after(figures, scenario->down_at, scenario->down_bps, false);
	if (figures->advices && scenario->up_at)
		value[FIGURE_UP_MS] =
			advice_after(figures, scenario->up_at, scenario->up_bps, true);
}
