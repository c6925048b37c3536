#include "capacity.h"

#include <assert.h>

/*
 * All arithmetic is exact: a packet of n bytes is 8n * 10^6 units of work, and a rate of r bit/s
 * does r units a microsecond. An end is rounded up to the next microsecond; the work done beyond it
 * is credited to the packet that follows without a pause. So a saturated link carries its rate to
 * the bit, however odd the rate.
 */

static uint64_t steps_rate(const struct capacity *c, usec_t t, usec_t *ret_until)
{
	usec_t phase = (t - c->origin) % c->period;
	usec_t base = t - phase;
	size_t low = 0, high = c->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (c->steps[middle].at <= phase)
			low = middle;
		else
			high = middle;
	}
	*ret_until = base + (low + 1 < c->count ? c->steps[low + 1].at : c->period);
	return c->steps[low].rate_bps;
}

static uint64_t steps_work_per_period(const struct capacity *c)
{
	uint64_t work = 0;

	for (size_t i = 0; i < c->count; i++) {
		usec_t end = i + 1 < c->count ? c->steps[i + 1].at : c->period;

		work += (end - c->steps[i].at) * c->steps[i].rate_bps;
	}
	return work;
}

/* When @work that begins at @t is done; *ret_credit: what was done beyond it. */
static usec_t steps_end(const struct capacity *c, usec_t t, uint64_t work, uint64_t *ret_credit)
{
	uint64_t per_period = c->period_work;
	uint64_t skip = per_period ? work / per_period : 0;

	if (!per_period)
		return USEC_NEVER;
	if (skip > 1) {
		t += (skip - 1) * c->period;
		work -= (skip - 1) * per_period;
	}
	for (;;) {
		usec_t until;
		uint64_t rate = steps_rate(c, t, &until);
		uint64_t possible = rate * (until - t);

		if (possible >= work) {
			usec_t span = rate ? (work + rate - 1) / rate : 0;

			*ret_credit = span * rate - work;
			return t + span;
		}
		work -= possible;
		t = until;
	}
}

static uint64_t steps_done(const struct capacity *c, usec_t from, usec_t to)
{
	uint64_t work = 0;

	while (from < to) {
		usec_t until;
		uint64_t rate = steps_rate(c, from, &until);

		until = usec_min(until, to);
		work += rate * (until - from);
		from = until;
	}
	return work;
}

/* The number of opportunities before @t, counted from the origin. */
static uint64_t trace_before(const struct capacity *c, usec_t t)
{
	usec_t phase = (t - c->origin) % c->period;
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->trace_ms[middle] * USEC_PER_MS < phase)
			low = middle + 1;
		else
			high = middle;
	}
	return (t - c->origin) / c->period * c->count + low;
}

static usec_t trace_at(const struct capacity *c, uint64_t number)
{
	return c->origin + number / c->count * c->period +
	       c->trace_ms[number % c->count] * USEC_PER_MS;
}

/* The first opportunity that the packet in service can use. */
static uint64_t trace_first(const struct capacity *c)
{
	uint64_t first = trace_before(c, c->at);

	return first > c->next ? first : c->next;
}

static void plan(struct capacity *c)
{
	uint64_t credit = 0;

	switch (c->kind) {
	case CAPACITY_UNLIMITED:
		c->end_at = c->at;
		break;
	case CAPACITY_RATE: {
		usec_t span = (c->work + c->rate_bps - 1) / c->rate_bps;

		credit = span * c->rate_bps - c->work;
		c->end_at = c->at + span;
		break;
	}
	case CAPACITY_STEPS:
		c->end_at = steps_end(c, c->at, c->work, &credit);
		break;
	case CAPACITY_TRACE: {
		uint64_t needed =
			(c->work + CAPACITY_OPPORTUNITY_BYTES - 1) / CAPACITY_OPPORTUNITY_BYTES;

		credit = needed * CAPACITY_OPPORTUNITY_BYTES - c->work;
		c->end_number = trace_first(c) + needed;
		c->end_at = needed ? trace_at(c, c->end_number - 1) : c->at;
		break;
	}
	}
	c->credit = credit;
}

/* Reckons what was sent until @now, in bytes' worth of work left. */
static void account(struct capacity *c, usec_t now)
{
	uint64_t done = 0;

	if (!c->busy || c->paused || now <= c->at)
		goto out;
	switch (c->kind) {
	case CAPACITY_UNLIMITED:
		done = c->work;
		break;
	case CAPACITY_RATE:
		done = c->rate_bps * (now - c->at);
		break;
	case CAPACITY_STEPS:
		done = steps_done(c, c->at, now);
		break;
	case CAPACITY_TRACE: {
		uint64_t first = trace_first(c), past = trace_before(c, now);

		c->next = past > first ? past : first;
		done = (c->next - first) * CAPACITY_OPPORTUNITY_BYTES;
		break;
	}
	}
	c->work -= done < c->work ? done : c->work;
out:
	if (now > c->at)
		c->at = now;
}

static uint64_t unit(enum capacity_kind kind)
{
	return kind == CAPACITY_TRACE ? 1 : 8 * USEC_PER_SEC;
}

static void change(struct capacity *c, enum capacity_kind kind, uint64_t rate_bps, usec_t now)
{
	account(c, now);
	if (unit(kind) != unit(c->kind))
		c->work = (c->work + unit(c->kind) - 1) / unit(c->kind) * unit(kind);
	c->kind = kind;
	c->rate_bps = rate_bps;
	c->origin = now;
	c->next = 0;
	c->credit = 0;
	c->credit_at = USEC_NEVER;
}

void capacity_set_rate(struct capacity *c, uint64_t rate_bps, usec_t now)
{
	change(c, rate_bps ? CAPACITY_RATE : CAPACITY_UNLIMITED, rate_bps, now);
	if (c->busy)
		plan(c);
}

void capacity_set_steps(struct capacity *c, const struct capacity_step *steps, size_t count,
			usec_t period, usec_t now)
{
	assert(count && !steps[0].at && period > steps[count - 1].at);
	change(c, CAPACITY_STEPS, 0, now);
	c->steps = steps;
	c->count = count;
	c->period = period;
	c->period_work = steps_work_per_period(c);
	c->rate_bps = c->period_work / period;
	if (c->busy)
		plan(c);
}

void capacity_set_trace(struct capacity *c, const uint32_t *trace_ms, size_t count, usec_t now)
{
	assert(count);
	change(c, CAPACITY_TRACE, 0, now);
	c->trace_ms = trace_ms;
	c->count = count;
	c->period = usec_max(trace_ms[count - 1], 1) * USEC_PER_MS;
	c->rate_bps = count * CAPACITY_OPPORTUNITY_BYTES * 8 * USEC_PER_SEC / c->period;
	if (c->busy)
		plan(c);
}

void capacity_pause(struct capacity *c, bool paused, usec_t now)
{
	account(c, now);
	c->paused = paused;
	if (c->busy)
		plan(c);
}

void capacity_begin(struct capacity *c, uint64_t bytes, usec_t now)
{
	uint64_t credit = now == c->credit_at ? c->credit : 0;

	assert(!c->busy);
	c->busy = true;
	c->work = bytes * unit(c->kind);
	c->work -= credit < c->work ? credit : c->work;
	c->at = now;
	plan(c);
	/* A packet smaller than the credit leaves the rest of it to the next. */
	if (credit > bytes * unit(c->kind))
		c->credit += credit - bytes * unit(c->kind);
}

void capacity_finish(struct capacity *c)
{
	assert(c->busy);
	c->busy = false;
	c->credit_at = c->end_at;
	c->next = c->end_number;
}

void capacity_abort(struct capacity *c, usec_t now)
{
	c->busy = false;
	c->at = now;
	c->credit_at = USEC_NEVER;
}
