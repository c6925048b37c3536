#include "bench/bond/srt.h"

#include <errno.h>
#include <stdlib.h>

void srt_init(struct srt *srt, usec_t latency, unsigned tolerance)
{
	*srt = (struct srt){ .latency = latency,
			     .tolerance = tolerance,
			     .told = { SRT_RTT_START, SRT_RTT_VAR_START },
			     .rtt = { SRT_RTT_START, SRT_RTT_VAR_START } };
}

void srt_deinit(struct srt *srt)
{
	free(srt->packet);
	srt->packet = NULL;
}

int srt_submit(struct srt *srt, usec_t now)
{
	if (srt->count == srt->room) {
		uint64_t room = srt->room ? 2 * srt->room : 4096;
		struct srt_packet *more = realloc(srt->packet, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		srt->packet = more;
		srt->room = room;
	}
	srt->packet[srt->count++] = (struct srt_packet){ .captured = now, .sent = now };
	return 0;
}

bool srt_asked(struct srt *srt, uint64_t number, usec_t now)
{
	struct srt_packet *p = &srt->packet[number];
	usec_t oldest = usec_max(srt->latency, SRT_DROP_AGE_MIN) + SRT_DROP_AGE_EXTRA;

	if (number < srt->acked || usec_since(p->captured, now) > oldest ||
	    usec_since(p->sent, now) < srt->told.smoothed)
		return false;
	p->sent = now;
	return true;
}

void srt_acknowledged(struct srt *srt, uint64_t below, const struct srt_rtt *rtt)
{
	if (below > srt->acked)
		srt->acked = below;
	srt->told = *rtt;
}

bool srt_arrived(struct srt *srt, uint64_t number)
{
	if (number < srt->next || srt->packet[number].arrived)
		return false;
	srt->packet[number].arrived = true;
	if (number < srt->first)
		srt->first = number;
	if (number >= srt->highest)
		srt->highest = number + 1;
	return true;
}

void srt_round_trip(struct srt *srt, usec_t sample)
{
	struct srt_rtt *rtt = &srt->rtt;
	usec_t away = rtt->smoothed > sample ? rtt->smoothed - sample : sample - rtt->smoothed;

	rtt->variance = (rtt->variance * 3 + away) / 4;
	rtt->smoothed = (rtt->smoothed * 7 + sample) / 8;
}

static uint64_t first_arrived(struct srt *srt)
{
	if (srt->first < srt->next)
		srt->first = srt->next;
	while (srt->first < srt->highest && !srt->packet[srt->first].arrived)
		srt->first++;
	return srt->first;
}

usec_t srt_due_at(struct srt *srt)
{
	uint64_t n = first_arrived(srt);

	return n < srt->highest ? srt->packet[n].captured + srt->latency : USEC_NEVER;
}

uint64_t srt_deliver(struct srt *srt, usec_t now)
{
	uint64_t n = first_arrived(srt);

	if (n == srt->highest || (n > srt->next && srt->packet[n].captured + srt->latency > now))
		return UINT64_MAX;
	srt->next = n + 1;
	return n;
}

uint64_t srt_complete(const struct srt *srt)
{
	uint64_t n = srt->next;

	while (n < srt->highest && srt->packet[n].arrived)
		n++;
	return n;
}

unsigned srt_report(struct srt *srt, bool periodic, uint64_t ret_number[static SRT_NAK_MAX])
{
	uint64_t n = periodic || srt->reported < srt->next ? srt->next : srt->reported;
	unsigned count = 0;

	for (; n + srt->tolerance < srt->highest && count < SRT_NAK_MAX; n++)
		if (!srt->packet[n].arrived)
			ret_number[count++] = n;
	if (n > srt->reported)
		srt->reported = n;
	return count;
}

usec_t srt_nak_interval(const struct srt *srt)
{
	return usec_max(20 * USEC_PER_MS, (srt->rtt.smoothed + 4 * srt->rtt.variance) / 2);
}
