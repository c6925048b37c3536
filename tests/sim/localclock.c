#include "sim/localclock.h"

usec_t localclock_of(const struct localclock *clock, usec_t world)
{
	return (usec_t)((int64_t)(clock->origin + world) +
			(int64_t)world / 1000 * clock->ppm / 1000);
}

usec_t localclock_world(const struct localclock *clock, usec_t local)
{
	usec_t guess = usec_sub(local, clock->origin);

	if (local == USEC_NEVER)
		return USEC_NEVER;
	guess = (usec_t)((int64_t)guess - (int64_t)guess / (1000000 + clock->ppm) * clock->ppm);
	while (guess && localclock_of(clock, guess) >= local)
		guess--;
	while (localclock_of(clock, guess) < local)
		guess++;
	return guess;
}
