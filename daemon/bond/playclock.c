#include "bond/playclock.h"

#include "uplinkd/wire.h"

/*
 * The sender says when a packet was captured, by its own clock. The least (arrival - capture) of
 * the last half minute belongs to a packet that went over the quickest path and waited nowhere, so
 * it is the difference of the clocks plus the delay of that path, which is about half of the least
 * round trip. Hence
 *
 *     here = capture + least(arrival - capture) - half trip
 *
 * The sliding minimum follows the drift of the clocks (50 ppm are 1.5 ms in half a minute). Its
 * time runs only while packets come in: the first ones after an outage have waited long, and must
 * not become the measure of things. After a silence in which the clocks may have gone apart by more
 * than such a wait is worth, it begins anew.
 *
 * A smooth clock needs that only to begin with. The sender's acknowledgements tell the moment at
 * which it had something of ours; with half of the round trip this is the difference of the clocks
 * itself, whatever media has waited for and whichever path is the quickest. Of ten to twenty
 * seconds the one with the least round trip counts. (It is known modulo TIME_PERIOD, like the
 * capture times, and taken next to the minimum.)
 *
 * Whoever plays packets out by this clock does not want its steps: when the quickest path dies or
 * comes, the minimum and the half trip change by tens of milliseconds, and not at the same time. So
 * a smooth clock only moves towards what is measured: by its error / PLAYCLOCK_CALM, at most
 * PLAYCLOCK_PPM_MAX. A drift of 50 ppm is followed 3.2 ms behind, a path 64 ms slower changes the
 * pace by 1 per mille at first. An error above step_min is no path and no drift but a clock that
 * was stopped or set, and would take an hour.
 */
#define WINDOW	   (30 * USEC_PER_SEC)
#define ACTIVE_MAX (100 * USEC_PER_MS)	/* of a time without packets */
#define STALE	   (600 * USEC_PER_SEC) /* 30 ms at 50 ppm */
#define MOVE_MAX   USEC_PER_SEC
#define TOLD_SPAN  (10 * USEC_PER_SEC)
#define TOLD_STALE (600 * USEC_PER_SEC)
/* What is told is at most this much below the minimum: media is no older than the latency. */
#define TOLD_BELOW_MAX (120 * (int64_t)USEC_PER_SEC)
#define TOLD_ABOVE_MAX ((int64_t)USEC_PER_SEC)
/* Of the capture times, us; the low 32 bits of the clock are known as well. */
#define TIME_PERIOD (INT64_C(1) << WIRE_TIME_BITS)

void playclock_init(struct playclock *c, usec_t now)
{
	usec_t half_trip = c->half_trip, step_min = c->step_min;
	bool smooth = c->smooth;

	*c = (struct playclock){
		.half_trip = half_trip, .smooth = smooth, .step_min = step_min, .active = now
	};
	c->told[0].round_trip = c->told[1].round_trip = USEC_NEVER;
	extremum_init(&c->difference, WINDOW, now);
}

static int64_t playclock_measured(const struct playclock *c)
{
	const struct playclock_told *best = &c->told[c->told[1].round_trip < c->told[0].round_trip];
	int64_t above;

	if (!c->smooth || best->round_trip == USEC_NEVER)
		return c->least - (int64_t)c->half_trip;
	above = (int64_t)(((uint64_t)best->difference - (uint64_t)c->least) & (TIME_PERIOD - 1));
	if (above >= TIME_PERIOD / 2)
		above -= TIME_PERIOD;
	if (above > TOLD_ABOVE_MAX || above < -TOLD_BELOW_MAX)
		return c->least - (int64_t)c->half_trip;
	return c->least + above;
}

void playclock_tell(struct playclock *c, usec_t local, uint32_t remote, usec_t round_trip,
		    usec_t now)
{
	usec_t age = usec_since(c->told_since, now);

	if (age > TOLD_SPAN) {
		c->told[1] = c->told[0];
		c->told[0].round_trip = USEC_NEVER;
		if (age > TOLD_STALE)
			c->told[1].round_trip = USEC_NEVER;
		c->told_since = now;
	}
	if (round_trip <= c->told[0].round_trip)
		c->told[0] = (struct playclock_told){ round_trip, (uint32_t)local - remote };
}

void playclock_move(struct playclock *c, usec_t now)
{
	int64_t error = playclock_measured(c) - c->shown;
	int64_t limit = (int64_t)(PLAYCLOCK_CALM * PLAYCLOCK_PPM_MAX / 1000000);
	int64_t span = (int64_t)usec_min(usec_since(c->moved_at, now), MOVE_MAX);

	c->moved_at = now;
	if (!c->smooth || !c->running || error > (int64_t)c->step_min ||
	    error < -(int64_t)c->step_min) {
		c->shown += error;
		c->rest = 0;
		return;
	}
	error = error > limit ? limit : error < -limit ? -limit : error;
	c->rest += error * span;
	c->shown += c->rest / (int64_t)PLAYCLOCK_CALM;
	c->rest %= (int64_t)PLAYCLOCK_CALM;
}

void playclock_set_half_trip(struct playclock *c, usec_t half_trip)
{
	c->half_trip = half_trip;
	if (!c->smooth)
		c->shown = playclock_measured(c);
}

void playclock_set_smooth(struct playclock *c, bool smooth, usec_t step_min)
{
	c->smooth = smooth;
	c->step_min = step_min;
}

void playclock_arrival(struct playclock *c, usec_t captured, usec_t now)
{
	usec_t silent = c->arrival_last ? usec_since(c->arrival_last, now) : 0;

	if (silent > STALE)
		extremum_init(&c->difference, WINDOW, c->active);
	c->active += usec_min(silent, ACTIVE_MAX);
	c->arrival_last = now;
	extremum_add(&c->difference, (int64_t)now - (int64_t)captured, c->active);
	c->least = extremum_min(&c->difference, c->active);
	playclock_move(c, now);
}

void playclock_run(struct playclock *c)
{
	c->running = true;
}

void playclock_rest(struct playclock *c)
{
	c->running = false;
}

usec_t playclock_here(const struct playclock *c, usec_t captured)
{
	int64_t here = (int64_t)captured + c->shown;

	return here > 0 ? (usec_t)here : 0;
}
