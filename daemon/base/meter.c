#include "base/meter.h"

/* A slot is cleared when the time moves past it; after a pause longer than the window all are. */

static void meter_advance(struct meter *m, usec_t now)
{
	uint64_t index = now / m->slot_span;
	uint64_t steps = index > m->slot_index ? index - m->slot_index : 0;

	for (uint64_t i = 0; i < steps && i < METER_SLOTS; i++)
		m->slot[(m->slot_index + 1 + i) % METER_SLOTS] = 0;
	if (steps)
		m->slot_index = index;
}

void meter_init(struct meter *m, usec_t window, usec_t now)
{
	*m = (struct meter){ .slot_span = usec_max(window / METER_SLOTS, 1), .started = now };
	m->slot_index = now / m->slot_span;
}

void meter_add(struct meter *m, uint64_t amount, usec_t now)
{
	meter_advance(m, now);
	m->slot[m->slot_index % METER_SLOTS] += amount;
	m->total += amount;
}

uint64_t meter_sum(struct meter *m, usec_t now)
{
	uint64_t sum = 0;

	meter_advance(m, now);
	for (unsigned i = 0; i < METER_SLOTS; i++)
		sum += m->slot[i];
	return sum;
}

uint64_t meter_per_sec(struct meter *m, usec_t now)
{
	uint64_t sum = meter_sum(m, now);
	/* The newest slot is only partly over: count the window up to now. */
	usec_t covered = (METER_SLOTS - 1) * m->slot_span + now % m->slot_span + 1;
	usec_t age = usec_since(m->started, now) + 1;

	return (uint64_t)((unsigned __int128)sum * USEC_PER_SEC /
			  usec_max(usec_min(covered, age), m->slot_span));
}

static void extremum_advance(struct extremum *e, usec_t now)
{
	uint64_t index = now / e->slot_span;
	uint64_t steps = index > e->slot_index ? index - e->slot_index : 0;

	for (uint64_t i = 0; i < steps && i < EXTREMUM_SLOTS; i++)
		e->slot[(e->slot_index + 1 + i) % EXTREMUM_SLOTS] = INT64_MAX;
	if (steps)
		e->slot_index = index;
}

void extremum_init(struct extremum *e, usec_t window, usec_t now)
{
	e->slot_span = usec_max(window / EXTREMUM_SLOTS, 1);
	e->slot_index = now / e->slot_span;
	for (unsigned i = 0; i < EXTREMUM_SLOTS; i++)
		e->slot[i] = INT64_MAX;
}

void extremum_add(struct extremum *e, int64_t value, usec_t now)
{
	extremum_advance(e, now);
	if (value < e->slot[e->slot_index % EXTREMUM_SLOTS])
		e->slot[e->slot_index % EXTREMUM_SLOTS] = value;
}

int64_t extremum_min(struct extremum *e, usec_t now)
{
	int64_t min = INT64_MAX;

	extremum_advance(e, now);
	for (unsigned i = 0; i < EXTREMUM_SLOTS; i++)
		if (e->slot[i] < min)
			min = e->slot[i];
	return min;
}
