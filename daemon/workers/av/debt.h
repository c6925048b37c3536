#pragma once

#include <stdint.h>

#include "base/clock.h"

/*
 * What was sent beyond the advice, and how it is taken back. Pure.
 *
 * An encoder keeps its rate within a buffer: right after a step down it still sends what the buffer
 * allows, up to a third of a second at the new rate. So what leaves is counted against the advice,
 * picture by picture in the stream's own time, and what is owed is taken off the rate until it is
 * paid. Less than the advice is a credit, which a keyframe may use up; a step down takes away twice
 * the step's share of it, a step to half all.
 *
 * Measured with x264, 6 to 3 Mb/s at 1080p30: the first second after the step has 2.94 to 3.00 Mb/s
 * instead of 3.66 to 4.18, the mean at a steady advice falls by 0.6 %, and 2 % under an advice that
 * falls by a fifth every two seconds. With a DEBT_TIME of 500 ms the first second has 2 % too much.
 */
#define DEBT_TIME	   (150 * USEC_PER_MS)
#define DEBT_CREDIT_TIME   (300 * USEC_PER_MS) /* at the advice: what the encoder's buffer holds */
#define DEBT_MOST_TIME	   (500 * USEC_PER_MS) /* at the advice; more is forgiven */
#define DEBT_SHARE_PERCENT 50		       /* of the advice is taken back at most */

struct debt {
	int64_t bits; /* negative: a credit */
};

/* The advice is @after_bps now. */
void debt_step(struct debt *debt, uint64_t before_bps, uint64_t after_bps);
/* @bytes left while the stream went on by @span. */
void debt_add(struct debt *debt, uint64_t bytes, uint64_t advice_bps, usec_t span);
/* By how much less than @advice_bps is to be sent; never more than DEBT_SHARE_PERCENT of it. */
uint64_t debt_owed_bps(const struct debt *debt, uint64_t advice_bps);
