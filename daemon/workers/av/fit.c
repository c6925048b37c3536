#include "workers/av/fit.h"

#define ROOM_PERCENT 105 /* of the peak must be allowed before it fits */

void fit_init(struct fit *fit, usec_t now)
{
	*fit = (struct fit){ .started = now, .room_since = USEC_NEVER, .hold = FIT_HOLD_MIN };
	meter_init(&fit->input, USEC_PER_SEC, now);
	extremum_init(&fit->peak, FIT_MEMORY, now);
}

uint64_t fit_peak_bps(struct fit *fit, usec_t now)
{
	int64_t least;

	extremum_add(&fit->peak, 0, now);
	least = extremum_min(&fit->peak, now);
	return least < 0 ? (uint64_t)-least : 0;
}

bool fit_update(struct fit *fit, uint64_t bytes, uint64_t allowed_bps, usec_t now)
{
	uint64_t peak;

	meter_add(&fit->input, bytes, now);
	/* A meter that is not yet full takes a burst for a rate. */
	if (usec_since(fit->started, now) >= USEC_PER_SEC)
		extremum_add(&fit->peak, -(int64_t)(meter_per_sec(&fit->input, now) * 8), now);
	peak = fit_peak_bps(fit, now);
	if (fit->fits) {
		if (peak <= allowed_bps)
			return true;
		fit->fits = false;
		fit->room_since = USEC_NEVER;
		if (usec_since(fit->fits_since, now) < FIT_SHORT)
			fit->hold = usec_min(2 * fit->hold, FIT_HOLD_MAX);
		else
			fit->hold = FIT_HOLD_MIN;
		return false;
	}
	if (!peak || peak * ROOM_PERCENT > allowed_bps * 100)
		fit->room_since = USEC_NEVER;
	else if (fit->room_since == USEC_NEVER)
		fit->room_since = now;
	if (fit->room_since == USEC_NEVER || usec_since(fit->room_since, now) < fit->hold)
		return false;
	fit->fits = true;
	fit->fits_since = now;
	return true;
}
