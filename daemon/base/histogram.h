#pragma once

#include <stdint.h>

#include "base/clock.h"

/*
 * How often which delay was seen, in buckets of 1 ms up to 16 ms and of an eighth of their value
 * above, up to a minute and more. Answers are the upper end of a bucket: rather too long than too
 * short.
 */
#define HISTOGRAM_BUCKETS 112

struct histogram {
	uint64_t total;
	uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, usec_t delay);
/* Not exceeded by @permyriad of 10000; 0: nothing was seen. */
usec_t histogram_percentile(const struct histogram *h, unsigned permyriad);
/* How many were longer; within a bucket the longer half counts. */
uint64_t histogram_above(const struct histogram *h, usec_t delay);
/* The longest delay that falls into a bucket. */
usec_t histogram_end(unsigned bucket);
