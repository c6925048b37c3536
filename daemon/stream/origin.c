#include "stream/origin.h"

#include <string.h>

void origin_init(struct origin *origin)
{
	memset(origin, 0, sizeof(*origin));
}

/* Whether a picture with a time stamp begins in this packet. */
static bool picture_begins(const uint8_t data[static TS_PACKET_BYTES], uint64_t *ret_pts)
{
	struct ts_packet packet;
	uint64_t dts;

	return ts_packet_decode(data, &packet) && packet.start && !packet.error &&
	       !packet.scrambled && ts_pes_is_video(packet.payload, packet.payload_len) &&
	       ts_pes_times(packet.payload, packet.payload_len, ret_pts, &dts);
}

void origin_in(struct origin *origin, const uint8_t packet[static TS_PACKET_BYTES], usec_t at)
{
	uint64_t pts;

	if (!picture_begins(packet, &pts))
		return;
	origin->newest = (origin->newest + 1) % ORIGIN_PICTURES;
	origin->picture[origin->newest].pts = pts;
	origin->picture[origin->newest].at = at;
	if (origin->count < ORIGIN_PICTURES)
		origin->count++;
}

usec_t origin_bounded(struct origin *origin, usec_t at, usec_t lag_max, usec_t now)
{
	origin->last = usec_max(origin->last, usec_max(at, usec_sub(now, lag_max)));
	return origin->last;
}

usec_t origin_out(struct origin *origin, const uint8_t packet[static TS_PACKET_BYTES],
		  usec_t lag_max, usec_t now)
{
	uint64_t pts;

	for (unsigned i = 0, all = picture_begins(packet, &pts) ? origin->count : 0; i < all; i++) {
		unsigned place = (origin->newest + ORIGIN_PICTURES - i) % ORIGIN_PICTURES;

		if (origin->picture[place].pts != pts)
			continue;
		origin->lag = usec_since(origin->picture[place].at, now);
		break;
	}
	return origin_bounded(origin, usec_sub(now, origin->lag), lag_max, now);
}
