#include "base/histogram.h"

/*
 * A delay of 16 ms or more has its top bit at place p >= 4; the three bits below it choose one of
 * eight buckets. Below, a bucket is a millisecond.
 */
#define LINEAR 16

static unsigned histogram_bucket(usec_t delay)
{
	uint64_t ms = delay / USEC_PER_MS;
	unsigned place, bucket;

	if (ms < LINEAR)
		return (unsigned)ms;
	place = 63 - (unsigned)__builtin_clzll(ms);
	bucket = LINEAR + (place - 4) * 8 + (unsigned)(ms >> (place - 3) & 7);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

usec_t histogram_end(unsigned bucket)
{
	unsigned place = (bucket - LINEAR) / 8 + 4, step = (bucket - LINEAR) % 8;

	if (bucket < LINEAR)
		return (bucket + 1) * USEC_PER_MS;
	return ((UINT64_C(1) << place) + ((UINT64_C(1) + step) << (place - 3))) * USEC_PER_MS;
}

void histogram_add(struct histogram *h, usec_t delay)
{
	h->bucket[histogram_bucket(delay)]++;
	h->total++;
}

usec_t histogram_percentile(const struct histogram *h, unsigned permyriad)
{
	uint64_t wanted = (h->total * permyriad + 9999) / 10000, seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->total; i++) {
		seen += h->bucket[i];
		if (seen >= wanted && seen)
			return histogram_end(i);
	}
	return 0;
}

uint64_t histogram_above(const struct histogram *h, usec_t delay)
{
	uint64_t count = 0;

	for (unsigned i = histogram_bucket(delay) + 1; i < HISTOGRAM_BUCKETS; i++)
		count += h->bucket[i];
	return count + h->bucket[histogram_bucket(delay)] / 2;
}
