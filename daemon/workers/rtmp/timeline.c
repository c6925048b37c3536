#include "workers/rtmp/timeline.h"

/*
 * Unwrapping takes the shortest way from the last timestamp. That alone would turn every jump of
 * the source's clock (an encoder started anew, an edited file in a loop) into a gap or a step back.
 * A step is believed if it is small, or if about as much time has really passed: after a stall the
 * source may go on where it stopped (small step) or where the clock is now (large step, but so is
 * the time). What is left is a jump, and the timeline goes on by the time that passed.
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
	t->broken = true;
}

static bool is_beyond(int64_t ticks, int64_t limit)
{
	return ticks > limit || ticks < -limit;
}

int64_t timeline_map(struct timeline *t, uint64_t raw, usec_t now)
{
	int64_t limit = (int64_t)t->rate * TIMELINE_JUMP_MS / 1000;
	int64_t passed, step;

	if (!t->started) {
		t->started = true;
		t->broken = false;
		t->raw = (int64_t)raw;
		t->offset = -t->raw;
		t->at = now;
		return 0;
	}
	passed = (int64_t)(usec_since(t->at, now) * t->rate / USEC_PER_SEC);
	step = timeline_diff(t->bits, raw, (uint64_t)t->raw);
	if (t->broken || (is_beyond(step, limit) && is_beyond(step - passed, limit))) {
		t->jumps += !t->broken;
		t->broken = false;
		t->offset += t->raw + (passed ? passed : 1) - (int64_t)raw;
		t->raw = (int64_t)raw;
	} else {
		t->raw += step;
	}
	t->at = now;
	return t->raw + t->offset;
}
