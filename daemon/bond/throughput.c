#include "bond/throughput.h"

/*
 * A packet that reaches the bottleneck while the one ahead of it still waits or is on its way out
 * leaves it exactly one service time later. So over a run of such packets the bytes divided by the
 * time between the arrivals are the capacity, whatever the sender's pace was, and a path that is
 * loaded for a tenth of the time can be measured as well as a full one: the packets of one picture
 * are such a run.
 *
 * When the way is p for the packet ahead and b for an empty path, the queue that it saw lasts until
 * p - b after it was sent; a packet sent before that is of the same run.
 *
 * What jitter does: a packet that came late by chance makes those behind it look like a run that is
 * served at once. So unless the queue stands (every packet of the last moment suffered it), the
 * time of a run is never less than the time in which it left, and single packets count for nothing.
 * A radio that stalls and lets go of everything at once looks the same and is caught the same way;
 * a pause within a run ends it.
 */
#define RUN_PACKETS 8		       /* fewer say nothing */
#define RUN_TIME    (15 * USEC_PER_MS) /* a longer run is counted in parts of this */
#define RUN_SLOW    (50 * USEC_PER_MS) /* behind a standing queue: few packets say it as well */
#define TOLERANCE   USEC_PER_MS /* about the service time of a packet, which the base has too */
#define PAUSE_MAX   (150 * USEC_PER_MS) /* between two arrivals */
#define FAST_TIME   (12 * USEC_PER_MS)	/* busy, of the window */
#define SLOW_SLOTS  3
#define BEST_WINDOW (2 * USEC_PER_SEC)

void throughput_init(struct throughput *s, usec_t now)
{
	*s = (struct throughput){ 0 };
	s->slot_index = now / THROUGHPUT_SLOT;
	extremum_init(&s->best, BEST_WINDOW, now);
}

static void throughput_advance(struct throughput *s, usec_t now)
{
	uint64_t index = now / THROUGHPUT_SLOT;
	uint64_t steps = index > s->slot_index ? index - s->slot_index : 0;

	for (uint64_t i = 0; i < steps && i < THROUGHPUT_SLOTS; i++)
		s->slot[(s->slot_index + 1 + i) % THROUGHPUT_SLOTS] = (struct throughput_slot){ 0 };
	if (steps)
		s->slot_index = index;
}

static void throughput_begin(struct throughput *s, usec_t sent, int64_t one_way, uint64_t bytes)
{
	s->first_sent = sent;
	s->first_way = one_way;
	s->first_bytes = bytes;
	s->packets = 1;
}

static void throughput_count(struct throughput *s, bool standing, usec_t now)
{
	int64_t departures = (int64_t)(s->last_sent - s->first_sent);
	int64_t arrivals = departures + s->last_way - s->first_way;
	uint64_t bytes = s->last_bytes - s->first_bytes;
	bool exact = standing || arrivals >= departures;
	usec_t time = (usec_t)(exact ? arrivals : departures);
	struct throughput_slot *slot;
	uint64_t bps;

	if (!time)
		return;
	bps = bytes * 8 * USEC_PER_SEC / time;
	extremum_add(&s->best, -(int64_t)bps, now);
	throughput_advance(s, now);
	slot = &s->slot[s->slot_index % THROUGHPUT_SLOTS];
	if (exact) {
		slot->bytes += bytes;
		slot->time += time;
	} else if (bps > slot->least_bps) {
		slot->least_bps = bps;
	}
}

void throughput_packet(struct throughput *s, usec_t sent, int64_t one_way, int64_t base,
		       uint64_t bytes, bool standing, usec_t now)
{
	int64_t apart = (int64_t)(sent - s->last_sent);
	int64_t arrivals = apart + one_way - s->last_way;
	bool same = s->packets && sent >= s->last_sent && arrivals < (int64_t)PAUSE_MAX &&
		    apart <= s->last_way - base + (int64_t)TOLERANCE;

	if (!same && s->packets >= RUN_PACKETS)
		throughput_count(s, standing, now);
	if (!same)
		throughput_begin(s, sent, one_way, bytes);
	else
		s->packets++;
	s->last_sent = sent;
	s->last_way = one_way;
	s->last_bytes = bytes;
	arrivals = (int64_t)(sent - s->first_sent) + one_way - s->first_way;
	if (s->packets < RUN_PACKETS && !(standing && arrivals >= (int64_t)RUN_SLOW))
		return;
	if (arrivals < (int64_t)RUN_TIME && sent - s->first_sent < RUN_TIME)
		return;
	throughput_count(s, standing, now);
	throughput_begin(s, sent, one_way, bytes);
}

uint64_t throughput_fast_bps(struct throughput *s, usec_t now)
{
	uint64_t bytes = 0, time = 0, least = 0, bps = 0;

	throughput_advance(s, now);
	for (unsigned i = 0; i < THROUGHPUT_FAST; i++) {
		const struct throughput_slot *slot =
			&s->slot[(s->slot_index + THROUGHPUT_SLOTS - i) % THROUGHPUT_SLOTS];

		bytes += slot->bytes;
		time += slot->time;
		least = slot->least_bps > least ? slot->least_bps : least;
	}
	if (time >= FAST_TIME)
		bps = bytes * 8 * USEC_PER_SEC / time;
	return bps ? bps : least;
}

/* The mean of the slots and not of the time: else a moment in which the path is slow, and therefore
 * busy for longer, would count for more. */
uint64_t throughput_slow_bps(struct throughput *s, usec_t now)
{
	uint64_t sum = 0;
	unsigned slots = 0;

	throughput_advance(s, now);
	for (unsigned i = 0; i < THROUGHPUT_SLOTS; i++) {
		const struct throughput_slot *slot = &s->slot[i];
		uint64_t bps = slot->time ? slot->bytes * 8 * USEC_PER_SEC / slot->time : 0;

		bps = slot->least_bps > bps ? slot->least_bps : bps;
		sum += bps;
		slots += bps > 0;
	}
	return slots >= SLOW_SLOTS ? sum / slots : 0;
}

uint64_t throughput_best_bps(struct throughput *s, usec_t now)
{
	int64_t best = extremum_min(&s->best, now);

	return best == INT64_MAX ? 0 : (uint64_t)-best;
}
