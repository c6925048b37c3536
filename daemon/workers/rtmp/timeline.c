#include "workers/rtmp/timeline.h"

/*
 * Unwrapping takes the shortest way from the last timestamp of the stream. That alone would turn
 * every jump of the source's clock (an encoder started anew, a file in a loop) into a gap or a
 * step back. A step is believed if it is small, or if about as much time has really passed: after
 * a stall the source may go on where it stopped (small step) or where the clock is now (large
 * step, but so is the time).
 *
 * What is left is a jump. The first stream that jumps sets the clock anew: the timeline goes on by
 * the time that passed. The other one follows when it jumps as well, to a place near by; until then
 * it keeps to the old clock, since what is left of the old source may arrive after the beginning
 * of the new one.
 */

void timeline_init(struct timeline *t, unsigned bits, uint32_t rate)
{
	*t = (struct timeline){ .bits = bits, .rate = rate };
}

int64_t timeline_diff(unsigned bits, uint64_t later, uint64_t earlier)
{
	uint64_t half = UINT64_C(1) << (bits - 1);
	uint64_t d = (later - earlier) & (2 * half - 1);

	return d & half ? (int64_t)d - (int64_t)(2 * half) : (int64_t)d;
}

void timeline_break(struct timeline *t)
{
	t->broken = t->started;
	for (int i = 0; i < TIMELINE_STREAMS; i++)
		t->streams[i].started = false;
}

static int64_t ticks_of(const struct timeline *t, usec_t span)
{
	return (int64_t)(span * t->rate / USEC_PER_SEC);
}

static bool is_near(const struct timeline *t, int64_t ticks)
{
	int64_t limit = (int64_t)t->rate * TIMELINE_JUMP_MS / 1000;

	return ticks <= limit && ticks >= -limit;
}

static bool goes_on(const struct timeline *t, const struct timeline_stream *s, uint64_t raw,
		    usec_t now)
{
	int64_t step = timeline_diff(t->bits, raw, (uint64_t)s->raw);

	if (!s->started || step < -(int64_t)t->rate * TIMELINE_BACK_MS / 1000)
		return false;
	return is_near(t, step) || is_near(t, step - ticks_of(t, usec_since(s->at, now)));
}

int64_t timeline_map(struct timeline *t, enum timeline_stream_id stream, uint64_t raw, usec_t now)
{
	struct timeline_stream *s = &t->streams[stream];
	bool current = true;

	if (goes_on(t, s, raw, now)) {
		s->raw += timeline_diff(t->bits, raw, (uint64_t)s->raw);
		current = s->offset == t->offset;
	} else if (t->started && !t->broken &&
		   is_near(t, timeline_diff(t->bits, raw, (uint64_t)t->raw)) &&
		   (!s->started || s->offset != t->offset)) {
		s->raw = t->raw + timeline_diff(t->bits, raw, (uint64_t)t->raw);
	} else {
		int64_t passed = ticks_of(t, usec_since(t->mapped_at, now));

		t->jumps += t->started && !t->broken;
		s->raw = (int64_t)raw;
		t->offset = t->started ? t->mapped + (passed ? passed : 1) - s->raw : -s->raw;
		t->started = true;
		t->broken = false;
	}
	if (current) {
		s->offset = t->offset;
		t->raw = s->raw;
	}
	s->started = true;
	s->at = now;
	if (s->raw + s->offset > t->mapped || !t->mapped_at) {
		t->mapped = s->raw + s->offset;
		t->mapped_at = now;
	}
	return s->raw + s->offset;
}
