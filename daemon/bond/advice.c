#include "bond/advice.h"

/*
 * Target (bonding-engine.md, 3.5):
 *
 *     R = 0.88 * media share of the capacity * min(1, tolerance / q)
 *
 * q is the age of the oldest unsent packet. With a second of latency it is tolerated up to 150 ms
 * (a keyframe is as long) and then the target falls in proportion; a bond with a long latency has
 * the time to drain its backlog, so both grow with the deadline. Downwards the target holds at
 * once. Upwards it is approached by 8 % a second (GCC), or by 50 % a second while the rate was
 * proven to pass. The encoder's real output counts, not what it was told: an advice far above what
 * is offered proves nothing, so it stays within half as much again (a quiet scene would let it
 * climb without proof).
 *
 * The floor yields: when the paths carry less than the configured minimum, half of what they carry
 * is advised rather than a rate that cannot arrive.
 */
#define SHARE_PERMILLE	   850 /* of the capacity: 0.88, less 3 % of headers */
#define LOST_PERMILLE	   850 /* when a path went away */
#define BACKOFF_PERMILLE   850 /* of what is acknowledged, when packets came late; GCC */
#define UP_PERMILLE	   8   /* per tick */
#define UP_PROVEN_PERMILLE 42  /* per tick: 50 % a second */
#define EVENT_PERMILLE	   30
#define TOLERANCE	   (150 * USEC_PER_MS)
#define METER_WINDOW	   (500 * USEC_PER_MS)
#define FLOOR_BPS	   UINT64_C(100000)

void advice_init(struct advice *a, uint64_t min_bps, uint64_t max_bps, uint64_t start_bps,
		 usec_t now)
{
	*a = (struct advice){ .min_bps = min_bps,
			      .max_bps = max_bps,
			      .bps = start_bps,
			      .reason = BOND_REASON_START,
			      .event = true,
			      .next_at = now + ADVICE_SPACING };
	a->told_bps = start_bps;
	meter_init(&a->offered, METER_WINDOW, now);
	meter_init(&a->acked, METER_WINDOW, now);
}

void advice_offered(struct advice *a, uint64_t bytes, usec_t now)
{
	meter_add(&a->offered, bytes, now);
}

void advice_acked(struct advice *a, uint64_t bytes, usec_t now)
{
	meter_add(&a->acked, bytes, now);
}

static uint64_t advice_target(struct advice *a, const struct advice_view *v, usec_t now,
			      enum bond_reason *ret_reason)
{
	usec_t tolerance = usec_max(TOLERANCE, v->hold / 6);
	uint64_t target = v->capacity_bps * SHARE_PERMILLE / 1000;
	uint64_t acked = meter_per_sec(&a->acked, now) * 8;

	*ret_reason = BOND_REASON_CAPACITY;
	if (v->queue_age > tolerance) {
		target = target * tolerance / v->queue_age;
		*ret_reason = BOND_REASON_QUEUE;
	}
	if (v->usable < a->usable) {
		uint64_t without = v->capacity_bps * LOST_PERMILLE / 1000;

		if (without < target)
			target = without;
		*ret_reason = BOND_REASON_PATH_LOST;
	}
	if (v->missed > a->missed || v->queue_age > usec_max(250 * USEC_PER_MS, v->hold / 3)) {
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
	uint64_t offered = meter_per_sec(&a->offered, now) * 8;
	uint64_t target, step, next = a->bps;
	enum bond_reason reason;

	a->next_at = now + ADVICE_SPACING;
	if (!v->session_up)
		return;
	target = advice_target(a, v, now, &reason);
	if (target < a->bps) {
		next = target;
	} else {
		bool proven = v->proven_bps * SHARE_PERMILLE / 1000 >= a->bps;

		step = a->bps * (proven ? UP_PROVEN_PERMILLE : UP_PERMILLE) / 1000;
		if (a->bps + step <= offered + offered / 2) {
			next = a->bps + step < target ? a->bps + step : target;
			reason = proven ? BOND_REASON_PROBED : BOND_REASON_CAPACITY;
		}
	}
	if (next < advice_floor(a, v))
		next = advice_floor(a, v);
	if (next > a->max_bps)
		next = a->max_bps;
	a->missed = v->missed;
	a->usable = v->usable;
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
