#include "bond/advice.h"

/*
 * Target:
 *
 *     R = 0.96 * C, C = min(capacity of the last second, capacity of the last 0.2 s)
 *     R = R * drain / (drain + q - tolerance)   while q is above the tolerance
 *
 * with C the sum of what the paths served while they were busy, so that it is known whatever the
 * encoder sends, and q the time that everything that waits takes to drain (the smaller of two
 * ticks: a picture comes at once). That is why the target holds at once in both directions: a ramp
 * upwards costs a quarter of the capacity on radios and is only needed where the capacity is a
 * guess. A bond with a long latency has the time to drain its backlog, so tolerance and drain grow
 * with it.
 *
 * The floor yields: when the paths carry less than the configured minimum, half of what they carry
 * is advised rather than a rate that cannot arrive.
 */
#define SHARE_PERMILLE	 960  /* of the capacity */
#define LOST_PERMILLE	 850  /* when a path went away */
#define BACKOFF_PERMILLE 850  /* of what is acknowledged, when packets came late; GCC */
#define DOUBLE_PERMILLE	 1000 /* per tick: no faster upwards */
#define EVENT_PERMILLE	 30
#define TOLERANCE	 (80 * USEC_PER_MS)
#define TOLERANCE_HOLD	 20		     /* or this part of the time to the deadline */
#define DRAIN		 3		     /* times the tolerance */
#define LATE_QUEUE	 (250 * USEC_PER_MS) /* or a third of the time to the deadline: too much */
#define METER_WINDOW	 (500 * USEC_PER_MS)
#define FLOOR_BPS	 UINT64_C(100000)

void advice_init(struct advice *a, uint64_t min_bps, uint64_t max_bps, uint64_t start_bps,
		 usec_t now)
{
	*a = (struct advice){ .min_bps = min_bps,
			      .max_bps = max_bps,
			      .start_bps = start_bps,
			      .bps = start_bps,
			      .reason = BOND_REASON_START,
			      .event = true,
			      .next_at = now + ADVICE_SPACING };
	a->told_bps = start_bps;
	meter_init(&a->acked, METER_WINDOW, now);
}

void advice_acked(struct advice *a, uint64_t bytes, usec_t now)
{
	meter_add(&a->acked, bytes, now);
}

uint64_t advice_need_bps(const struct advice *a)
{
	return a->start_bps * 1000 / SHARE_PERMILLE;
}

static uint64_t advice_target(struct advice *a, const struct advice_view *v, usec_t now,
			      enum bond_reason *ret_reason)
{
	usec_t tolerance = usec_max(TOLERANCE, v->hold / TOLERANCE_HOLD);
	usec_t queue = usec_min(v->queue, a->queue);
	uint64_t target = (v->moment_bps < v->capacity_bps ? v->moment_bps : v->capacity_bps) *
			  SHARE_PERMILLE / 1000;
	uint64_t acked = meter_per_sec(&a->acked, now) * 8;

	*ret_reason = BOND_REASON_CAPACITY;
	if (queue > tolerance) {
		target = target * DRAIN * tolerance / ((DRAIN - 1) * tolerance + queue);
		*ret_reason = BOND_REASON_QUEUE;
	}
	if (v->usable < a->usable) {
		uint64_t without = v->capacity_bps * LOST_PERMILLE / 1000;

		if (without < target)
			target = without;
		*ret_reason = BOND_REASON_PATH_LOST;
	}
	if (v->missed > a->missed || v->queue_age > usec_max(LATE_QUEUE, v->hold / 3)) {
		if (acked * BACKOFF_PERMILLE / 1000 < target) {
			target = acked * BACKOFF_PERMILLE / 1000;
			*ret_reason = v->missed > a->missed ? BOND_REASON_LATE : BOND_REASON_QUEUE;
		}
	}
	return target;
}

static uint64_t advice_floor(const struct advice *a, const struct advice_view *v)
{
	uint64_t yields = v->capacity_bps / 2;

	if (!v->session_up || yields >= a->min_bps)
		return a->min_bps;
	return yields > FLOOR_BPS ? yields : FLOOR_BPS;
}

void advice_tick(struct advice *a, const struct advice_view *v, usec_t now)
{
	enum bond_reason reason;
	uint64_t next;

	a->next_at = now + ADVICE_SPACING;
	if (!v->session_up)
		return;
	next = advice_target(a, v, now, &reason);
	if (next > a->bps + a->bps * DOUBLE_PERMILLE / 1000)
		next = a->bps + a->bps * DOUBLE_PERMILLE / 1000;
	if (next < advice_floor(a, v))
		next = advice_floor(a, v);
	if (next > a->max_bps)
		next = a->max_bps;
	a->missed = v->missed;
	a->usable = v->usable;
	a->queue = v->queue;
	if (next == a->bps)
		return;
	a->bps = next;
	a->reason = reason;
	if ((next > a->told_bps ? next - a->told_bps : a->told_bps - next) * 1000 >=
	    a->told_bps * EVENT_PERMILLE) {
		a->told_bps = next;
		a->event = true;
	}
}
