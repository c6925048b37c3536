#include "workers/av/timeline.h"

#include <stddef.h>

/*
 * A step of the input that the clock of arrival explains is kept, however long: a source that was
 * away for a minute and kept its clock returns with a hole of a minute, which is true. A step that
 * it does not explain is a break. REORDER is what decoding order, interleaving and a source that
 * multiplexes its streams unevenly bring about in an unbroken stream: 2 s forth or back.
 *
 * Around a break packets from before and after it may alternate (the other stream lags, or a single
 * packet was late). So the offset before is remembered, and tried before another break is declared;
 * whichever of the two fits is the current one, and a jump is one break only.
 *
 * A source that starts again within two seconds of stream is not seen that way. But no stream goes
 * back in its own order of decoding (BACK is for stamps that were damaged or guessed), so there it
 * shows; and around such a break the offset is the right one that lets the stream go on evenly.
 */
#define REORDER	  (2 * TIMELINE_HZ)
#define WRAP	  TIMELINE_WRAP
#define BACK	  (3 * TIMELINE_HZ / 10)
#define AROUND	  (5 * USEC_PER_SEC) /* both sides of a break may still come */
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

/* Whether an unbroken stream could be there now; @own: the last position of this stream, NULL: not
 * known. */
static bool timeline_accepts(const struct timeline *timeline, int64_t position, const int64_t *own,
			     usec_t now)
{
	int64_t elapsed = (int64_t)(usec_since(timeline->at, now) * TIMELINE_HZ / USEC_PER_SEC);

	if (own && position < *own - BACK)
		return false;
	return is_near(position, timeline->output) ||
	       is_near(position, timeline->output + elapsed) ||
	       (position >= timeline->output && position <= timeline->output + timeline->hole_max);
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* Whether the offset on the other side of the last break is the better one for @input. */
static bool timeline_turns(const struct timeline *timeline, int64_t input, const int64_t *own,
			   usec_t now)
{
	int64_t here = input + timeline->offset, there = input + timeline->previous;

	if (!timeline->breaks)
		return false;
	if (!timeline_accepts(timeline, here, own, now))
		return is_near(there, timeline->output) && (!own || there >= *own - BACK);
	return own && usec_since(timeline->break_at, now) < AROUND &&
	       timeline_accepts(timeline, there, own, now) &&
	       distance(there, *own) < distance(here, *own);
}

static int64_t timeline_put(struct timeline *timeline, const int64_t *own, int64_t stamp,
			    usec_t now)
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
	if (timeline_turns(timeline, input, own, now)) {
		int64_t other = timeline->offset;

		timeline->offset = timeline->previous;
		timeline->previous = other;
	} else if (!timeline_accepts(timeline, input + timeline->offset, own, now)) {
		timeline->previous = timeline->offset;
		timeline->offset = timeline->output + CONTINUED - input;
		timeline->breaks++;
		timeline->break_at = now;
	}
	position = input + timeline->offset;
	timeline->input = input;
	timeline->output = position > timeline->output ? position : timeline->output;
	timeline->at = now;
	return position;
}

int64_t timeline_place(struct timeline *timeline, int64_t stamp, usec_t now)
{
	return timeline_put(timeline, NULL, stamp, now);
}

int64_t timeline_place_in(struct timeline *timeline, unsigned stream, int64_t stamp, usec_t now)
{
	int64_t *own = &timeline->stream[stream];

	*own = timeline_put(timeline, timeline->stream_started[stream] ? own : NULL, stamp, now);
	timeline->stream_started[stream] = true;
	return *own;
}
