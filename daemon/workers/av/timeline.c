#include "workers/av/timeline.h"

/*
 * A step of the input that the clock of arrival explains is kept, however long: a source that was
 * away for a minute and kept its clock returns with a hole of a minute, which is true. A step that
 * it does not explain is a break. REORDER is what decoding order, interleaving and a source that
 * multiplexes its streams unevenly bring about in an unbroken stream: 2 s forth or back.
 *
 * Around a break packets from before and after it may alternate (the other stream lags, or a single
 * packet was late). So the offset before is remembered, and tried before another break is declared;
 * whichever of the two fits is the current one, and a jump is one break only.
 */
#define REORDER	  (2 * TIMELINE_HZ)
#define WRAP	  TIMELINE_WRAP
#define CONTINUED 3600 /* 40 ms: where the stream goes on after a break, a frame later */

/* The difference of two 33-bit counters, from -2^32 to 2^32 - 1. */
static int64_t wrapped_difference(int64_t a, int64_t b)
{
	uint64_t d = ((uint64_t)a - (uint64_t)b) & (uint64_t)(WRAP - 1);

	return d >= (uint64_t)WRAP / 2 ? (int64_t)d - WRAP : (int64_t)d;
}

static bool is_near(int64_t position, int64_t expected)
{
	return position > expected - REORDER && position < expected + REORDER;
}

/* Whether an unbroken stream could be there now. */
static bool timeline_accepts(const struct timeline *timeline, int64_t position, usec_t now)
{
	int64_t elapsed = (int64_t)(usec_since(timeline->at, now) * TIMELINE_HZ / USEC_PER_SEC);

	return is_near(position, timeline->output) ||
	       is_near(position, timeline->output + elapsed) ||
	       (position >= timeline->output && position <= timeline->output + timeline->hole_max);
}

int64_t timeline_place(struct timeline *timeline, int64_t stamp, usec_t now)
{
	int64_t input, position;

	if (!timeline->started) {
		timeline->started = true;
		/* Room below, so that no position is ever negative: a muxer puts the clock
		 * reference a little before the first packet. */
		timeline->input = timeline->output = (stamp & (WRAP - 1)) + WRAP;
		timeline->at = now;
		return timeline->output;
	}
	input = timeline->input + wrapped_difference(stamp, timeline->input);
	position = input + timeline->offset;
	if (!timeline_accepts(timeline, position, now)) {
		int64_t other = timeline->offset;

		if (timeline->breaks && is_near(input + timeline->previous, timeline->output)) {
			timeline->offset = timeline->previous;
		} else {
			timeline->offset = timeline->output + CONTINUED - input;
			timeline->breaks++;
		}
		timeline->previous = other;
		position = input + timeline->offset;
	}
	timeline->input = input;
	timeline->output = position > timeline->output ? position : timeline->output;
	timeline->at = now;
	return position;
}
