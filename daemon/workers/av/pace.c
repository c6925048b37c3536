#include "workers/av/pace.h"

/*
 * Lag is how much of the stream has come in and waits. A burst (an encoder's hiccup, a start) makes
 * it high for a moment and is worked off at several times real time, without loss; so only a lag
 * that stays high counts, except beyond PACE_LAG_MAX, where delay would become visible: there a few
 * pictures are taken, so that the picture does not freeze while the rest is caught up.
 *
 * Going back to a better preset is the risky direction: it must look affordable (it costs at most
 * twice the cheaper one, so a load below ROOM) for `hold`, which doubles with every step down, so
 * that a machine between two presets settles.
 */
#define HALF	      2 /* one picture of so many is taken */
#define FEW	      4
#define ROOM_PERMILLE 350
#define HOLD_MIN      (30 * USEC_PER_SEC)
#define HOLD_MAX      (960 * USEC_PER_SEC)
#define MEMORY	      (2 * USEC_PER_SEC) /* of media time, for the load */

void pace_init(struct pace *pace, usec_t now)
{
	*pace = (struct pace){
		.high_since = USEC_NEVER,
		.step_at = now,
		.room_since = USEC_NEVER,
		.hold = HOLD_MIN,
	};
}

bool pace_takes(struct pace *pace, usec_t lag, usec_t now)
{
	if (lag < PACE_LAG_HIGH) {
		pace->high_since = USEC_NEVER;
		pace->stuck = false;
	} else if (pace->high_since == USEC_NEVER) {
		pace->high_since = now;
	}
	if (lag > PACE_LAG_MAX)
		pace->stuck = true;
	if (pace->high_since != USEC_NEVER && usec_since(pace->high_since, now) >= PACE_PATIENCE)
		pace->behind = true;
	if (lag < PACE_LAG_LOW)
		pace->behind = false;
	return pace->count++ % (pace->stuck ? FEW : pace->behind ? HALF : 1) == 0;
}

void pace_spent(struct pace *pace, usec_t busy, usec_t span)
{
	pace->busy += busy;
	pace->covered += span;
	if (pace->covered > MEMORY) {
		pace->busy /= 2;
		pace->covered /= 2;
	}
}

unsigned pace_load_permille(const struct pace *pace)
{
	return pace->covered ? (unsigned)(pace->busy * 1000 / pace->covered) : 0;
}

enum pace_advice pace_preset(struct pace *pace, bool cheaper, bool better, usec_t now)
{
	bool strained = pace->behind || pace->stuck;

	if (strained || pace_load_permille(pace) > ROOM_PERMILLE || !pace->covered)
		pace->room_since = USEC_NEVER;
	else if (pace->room_since == USEC_NEVER)
		pace->room_since = now;
	if (strained && cheaper && usec_since(pace->step_at, now) >= 2 * PACE_PATIENCE) {
		pace->step_at = now;
		pace->hold = usec_min(2 * pace->hold, HOLD_MAX);
		pace->busy = pace->covered = 0;
		return PACE_CHEAPER;
	}
	if (better && pace->room_since != USEC_NEVER &&
	    usec_since(pace->room_since, now) >= pace->hold) {
		pace->step_at = now;
		pace->room_since = USEC_NEVER;
		pace->busy = pace->covered = 0;
		return PACE_BETTER;
	}
	return PACE_KEEP;
}
