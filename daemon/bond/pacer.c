#include "bond/pacer.h"

/*
 * One number: the moment when the next packet is due to leave. It advances by the time that each
 * packet takes at the pace and may lag behind the clock by the burst, which is the credit. Kept
 * in nanoseconds, or the rounding would cost 2 % at 200 Mb/s.
 */
bool pacer_is_ready(const struct pacer *p, usec_t now)
{
	return p->next_nsec <= now * 1000;
}

usec_t pacer_ready_at(const struct pacer *p)
{
	return (p->next_nsec + 999) / 1000;
}

static void pacer_advance(struct pacer *p, uint64_t credit_nsec, uint64_t bytes, uint64_t bps,
			  usec_t now)
{
	uint64_t low = now * 1000 > credit_nsec ? now * 1000 - credit_nsec : 0;

	if (p->next_nsec < low)
		p->next_nsec = low;
	p->next_nsec += bytes * UINT64_C(8000000000) / bps;
}

void pacer_sent(struct pacer *p, uint64_t bytes, uint64_t bps, usec_t now)
{
	uint64_t credit;

	bps = bps ? bps : 1;
	credit = PACER_BURST_BYTES * UINT64_C(8000000000) / bps;
	if (credit < PACER_BURST_USEC * 1000)
		credit = PACER_BURST_USEC * 1000;
	pacer_advance(p, credit, bytes, bps, now);
}

void pacer_sent_within(struct pacer *p, uint64_t bytes, uint64_t bps, usec_t now)
{
	pacer_advance(p, PACER_BURST_USEC * 1000, bytes, bps ? bps : 1, now);
}
