#include "link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

/*
 * A packet lives in one slot from entry to exit. First it waits in a list (the queue), whose head
 * is in service; then in a binary heap by the time it is due (the flight); then it is the one that
 * link_receive() has lent out. Events happen at their own times, not at those of the calls:
 * advance() replays the ends of service up to `now` in order, and each change of the link first
 * advances to its moment. So the result does not depend on how often the driver calls.
 *
 * Invariant: slots free + queued + in flight + lent = all slots.
 */

#define NONE UINT32_MAX

struct link {
	struct link_config config;
	struct capacity capacity;
	enum link_outage outage;
	struct rng rng;
	bool burst; /* Gilbert-Elliott: in the bad state */
	usec_t jitter_until;
	int64_t jitter; /* in force until then */
	usec_t last_due;
	usec_t now;
	struct link_counters counters;

	struct link_packet *slots;
	uint32_t size;
	uint32_t untouched; /* slots from here on were never used */
	uint32_t free;	    /* list */
	uint32_t lent;	    /* by link_receive, until the next call */

	uint32_t queue_head, queue_tail, queued;
	uint64_t queue_bytes; /* with overhead */

	uint32_t *flight; /* heap of slots by (due, order) */
	uint32_t flying;
	uint64_t order;
};

struct link *link_new(const struct link_config *config, unsigned slots, uint64_t seed, usec_t now)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->config = *config;
	link->rng = rng_of(seed);
	link->now = now;
	link->size = slots ? slots : LINK_SLOTS_DEFAULT;
	link->free = link->lent = link->queue_head = link->queue_tail = NONE;
	link->slots = calloc(link->size, sizeof(*link->slots));
	link->flight = calloc(link->size, sizeof(*link->flight));
	if (!link->slots || !link->flight)
		return link_free(link);
	capacity_set_rate(&link->capacity, 0, now);
	return link;
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	free(link->slots);
	free(link->flight);
	free(link);
	return NULL;
}

static uint32_t slot_get(struct link *link)
{
	uint32_t slot = link->free;

	if (slot != NONE)
		link->free = link->slots[slot].next;
	else if (link->untouched < link->size)
		slot = link->untouched++;
	return slot;
}

static void slot_put(struct link *link, uint32_t slot)
{
	link->slots[slot].next = link->free;
	link->free = slot;
}

static bool is_before(const struct link *link, uint32_t a, uint32_t b)
{
	const struct link_packet *x = &link->slots[a], *y = &link->slots[b];

	return x->due != y->due ? x->due < y->due : x->order < y->order;
}

static void flight_push(struct link *link, uint32_t slot)
{
	uint32_t i = link->flying++;

	while (i && is_before(link, slot, link->flight[(i - 1) / 2])) {
		link->flight[i] = link->flight[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	link->flight[i] = slot;
}

static uint32_t flight_pop(struct link *link)
{
	uint32_t top = link->flight[0];
	uint32_t last = link->flight[--link->flying];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= link->flying)
			break;
		if (child + 1 < link->flying &&
		    is_before(link, link->flight[child + 1], link->flight[child]))
			child++;
		if (!is_before(link, link->flight[child], last))
			break;
		link->flight[i] = link->flight[child];
		i = child;
	}
	link->flight[i] = last;
	return top;
}

static bool is_lost(struct link *link)
{
	const struct link_config *config = &link->config;
	bool lost = config->loss_ppm && rng_chance(&link->rng, config->loss_ppm);

	if (config->burst_enter_ppm) {
		if (rng_chance(&link->rng,
			       link->burst ? config->burst_leave_ppm : config->burst_enter_ppm))
			link->burst = !link->burst;
		lost |= link->burst && rng_chance(&link->rng, config->burst_loss_ppm);
	} else {
		link->burst = false;
	}
	return lost;
}

/* The sum of four uniform numbers, within +-jitter, deviation 0.29 of it. */
static int64_t draw_jitter(struct link *link)
{
	usec_t half = link->config.jitter / 2;
	usec_t sum = 0;

	for (int i = 0; i < 4; i++)
		sum += rng_below(&link->rng, half + 1);
	return (int64_t)sum - (int64_t)(2 * half);
}

/* When a packet that leaves the bottleneck at @t arrives. */
static usec_t arrival(struct link *link, usec_t t)
{
	usec_t due = t + link->config.delay;

	if (link->config.jitter) {
		if (link->config.reorder || t >= link->jitter_until) {
			link->jitter = draw_jitter(link);
			link->jitter_until = t + LINK_JITTER_GRAIN;
		}
		due = link->jitter < 0 ? usec_max(t, usec_sub(due, (usec_t)-link->jitter))
				       : due + (usec_t)link->jitter;
	}
	if (!link->config.reorder)
		due = usec_max(due, link->last_due);
	link->last_due = due;
	return due;
}

static void fly(struct link *link, uint32_t slot, usec_t t)
{
	struct link_packet *packet = &link->slots[slot];

	packet->due = arrival(link, t);
	packet->order = link->order++;
	flight_push(link, slot);
	if (link->config.duplicate_ppm && rng_chance(&link->rng, link->config.duplicate_ppm)) {
		uint32_t twin = slot_get(link);

		if (twin == NONE)
			return;
		link->slots[twin] = *packet;
		link->slots[twin].order = link->order++;
		flight_push(link, twin);
		link->counters.duplicated++;
	}
}

static uint64_t size_of(const struct link *link, uint32_t slot)
{
	return link->slots[slot].len + link->config.overhead_bytes;
}

static uint32_t queue_take(struct link *link)
{
	uint32_t slot = link->queue_head;

	link->queue_head = link->slots[slot].next;
	if (link->queue_head == NONE)
		link->queue_tail = NONE;
	link->queued--;
	link->queue_bytes -= size_of(link, slot);
	return slot;
}

/* Every end of service up to @now. */
static void advance(struct link *link, usec_t now)
{
	assert(now >= link->now);
	if (link->lent != NONE) {
		slot_put(link, link->lent);
		link->lent = NONE;
	}
	while (link->queued && capacity_end_at(&link->capacity) <= now) {
		usec_t t = capacity_end_at(&link->capacity);
		uint32_t slot = queue_take(link);

		capacity_finish(&link->capacity);
		if (link->outage == LINK_OUTAGE_BLACKHOLE) {
			link->counters.dropped_outage++;
			slot_put(link, slot);
		} else if (is_lost(link)) {
			link->counters.lost++;
			slot_put(link, slot);
		} else {
			fly(link, slot, t);
		}
		if (link->queued)
			capacity_begin(&link->capacity, size_of(link, link->queue_head), t);
	}
	link->now = now;
}

static void drop_all(struct link *link, usec_t now)
{
	if (link->queued)
		capacity_abort(&link->capacity, now);
	while (link->queued) {
		slot_put(link, queue_take(link));
		link->counters.dropped_outage++;
	}
	while (link->flying) {
		slot_put(link, flight_pop(link));
		link->counters.dropped_outage++;
	}
}

void link_set(struct link *link, const struct link_config *config, usec_t now)
{
	advance(link, now);
	link->queue_bytes -= (uint64_t)link->queued * link->config.overhead_bytes;
	link->queue_bytes += (uint64_t)link->queued * config->overhead_bytes;
	link->config = *config;
	link->jitter_until = 0;
}

const struct link_config *link_config(const struct link *link)
{
	return &link->config;
}

void link_set_rate(struct link *link, uint64_t rate_bps, usec_t now)
{
	advance(link, now);
	capacity_set_rate(&link->capacity, rate_bps, now);
}

void link_set_steps(struct link *link, const struct capacity_step *steps, size_t count,
		    usec_t period, usec_t now)
{
	advance(link, now);
	capacity_set_steps(&link->capacity, steps, count, period, now);
}

void link_set_trace(struct link *link, const uint32_t *trace_ms, size_t count, usec_t now)
{
	advance(link, now);
	capacity_set_trace(&link->capacity, trace_ms, count, now);
}

const uint32_t *link_trace(const struct link *link, size_t *ret_count)
{
	if (link->capacity.kind != CAPACITY_TRACE)
		return NULL;
	*ret_count = link->capacity.count;
	return link->capacity.trace_ms;
}

void link_set_outage(struct link *link, enum link_outage outage, usec_t now)
{
	advance(link, now);
	link->outage = outage;
	if (outage == LINK_OUTAGE_DOWN)
		drop_all(link, now);
	capacity_pause(&link->capacity,
		       outage == LINK_OUTAGE_STALL || outage == LINK_OUTAGE_SUSPEND, now);
}

enum link_outage link_outage(const struct link *link)
{
	return link->outage;
}

uint64_t link_rate_bps(const struct link *link)
{
	return link->capacity.rate_bps;
}

static bool has_room(const struct link *link, uint64_t bytes)
{
	const struct link_config *config = &link->config;
	uint64_t total = link->queue_bytes + bytes;

	/* A single packet always fits: a queue shorter than one would carry nothing. */
	if (!link->queued)
		return true;
	if (config->queue_bytes && total > config->queue_bytes)
		return false;
	return !config->queue || !link->capacity.rate_bps ||
	       usec_of_bytes(total, link->capacity.rate_bps) <= config->queue;
}

enum link_verdict link_send(struct link *link, const uint8_t *data, size_t len, uint64_t tag,
			    usec_t now)
{
	uint64_t bytes = len + link->config.overhead_bytes;
	uint32_t slot;

	advance(link, now);
	link->counters.offered++;
	link->counters.offered_bytes += len;
	if (link->outage == LINK_OUTAGE_DOWN) {
		link->counters.dropped_outage++;
		return LINK_IS_DOWN;
	}
	if (len > LINK_PACKET_MAX || (link->config.mtu && bytes > link->config.mtu)) {
		link->counters.dropped_mtu++;
		return LINK_DROPPED;
	}
	slot = has_room(link, bytes) ? slot_get(link) : NONE;
	if (slot == NONE) {
		link->counters.dropped_queue++;
		return LINK_DROPPED;
	}
	memcpy(link->slots[slot].data, data, len);
	link->slots[slot].len = len;
	link->slots[slot].tag = tag;
	link->slots[slot].next = NONE;
	if (link->queued)
		link->slots[link->queue_tail].next = slot;
	else
		link->queue_head = slot;
	link->queue_tail = slot;
	link->queue_bytes += bytes;
	if (link->queue_bytes > link->counters.queue_bytes_max)
		link->counters.queue_bytes_max = link->queue_bytes;
	if (!link->queued++)
		capacity_begin(&link->capacity, bytes, now);
	return LINK_TAKEN;
}

usec_t link_next_at(const struct link *link)
{
	usec_t end = capacity_end_at(&link->capacity);
	usec_t flight = USEC_NEVER;

	if (link->outage == LINK_OUTAGE_SUSPEND)
		return USEC_NEVER;
	if (link->flying)
		flight = link->slots[link->flight[0]].due;
	/* What is in the bottleneck needs at least the shortest delay after it. */
	return usec_min(flight, usec_add(end, usec_sub(link->config.delay, link->config.jitter)));
}

const struct link_packet *link_receive(struct link *link, usec_t now)
{
	struct link_packet *packet;

	advance(link, now);
	if (link->outage == LINK_OUTAGE_SUSPEND || !link->flying ||
	    link->slots[link->flight[0]].due > now)
		return NULL;
	link->lent = flight_pop(link);
	packet = &link->slots[link->lent];
	link->counters.delivered++;
	link->counters.delivered_bytes += packet->len;
	return packet;
}

const struct link_counters *link_counters(const struct link *link)
{
	return &link->counters;
}

uint64_t link_queued_bytes(const struct link *link)
{
	return link->queue_bytes;
}

unsigned link_held(const struct link *link)
{
	return link->queued + link->flying;
}
