#include "wire/srtclock.h"

/*
 * The packet that took the least time from its time stamp to us shows the distance of the clocks.
 * SLACK less than that, not every packet that is still quicker moves it; and where the encoder has
 * a clock of its own that drifts, 100 ppm are a new distance every ten seconds. A distance that has
 * become too small is left when the window shows it.
 *
 * Time stamps tell when the packet was given to SRT, which is nearer to its capture than its
 * arrival here. What lags by more than LAG_MAX did not wait in a queue.
 */
#define WINDOW	(10 * USEC_PER_SEC)
#define SLACK	1000
#define LAG_MAX (500 * USEC_PER_MS)

bool srtclock_capture(struct srtclock *clock, uint32_t stamp, usec_t arrived, usec_t *ret_captured)
{
	struct srtclock *c = clock;
	int64_t distance, least;

	if (!c->started)
		extremum_init(&c->least, WINDOW, arrived);
	c->stamped += c->started ? (int32_t)(stamp - c->stamp) : (int64_t)stamp;
	c->stamp = stamp;
	distance = (int64_t)arrived - c->stamped;
	extremum_add(&c->least, distance, arrived);
	least = extremum_min(&c->least, arrived);
	if (!c->started || distance < c->offset || least > c->offset + 3 * SLACK)
		c->offset = least - SLACK;
	c->started = true;
	if (distance - c->offset > (int64_t)LAG_MAX || c->stamped + c->offset < 0)
		return false;
	*ret_captured = (usec_t)(c->stamped + c->offset);
	return true;
}
