#include "stream/mix.h"

/*
 * Three seconds are longer than a group of pictures mostly is, so that the share does not follow
 * the keyframes. Null packets fill what a constant rate leaves free and are no need of the stream.
 * In a PES header stand some PES_HEADER bytes per picture, which an encoder does not count.
 */
#define WINDOW		  (3 * USEC_PER_SEC)
#define PES_HEADER	  19
#define USUAL_OTHER_BPS	  160000
#define USUAL_PERMILLE	  1040
#define OVERHEAD_MAX	  2000
#define PICTURE_MIN_BPS	  UINT64_C(100000)
#define PICTURE_MIN_SHARE 4 /* never less than a quarter of the whole, whatever else there is */

void mix_init(struct mix *mix, usec_t now)
{
	meter_init(&mix->video, WINDOW, now);
	meter_init(&mix->picture, WINDOW, now);
	meter_init(&mix->other, WINDOW, now);
}

void mix_add(struct mix *mix, const struct ts_info *info, usec_t now)
{
	size_t header = info->unit_start ? PES_HEADER : 0, len = info->packet.payload_len;

	switch (info->kind) {
	case TS_KIND_VIDEO:
		meter_add(&mix->video, TS_PACKET_BYTES, now);
		meter_add(&mix->picture, len > header ? len - header : 0, now);
		break;
	case TS_KIND_NULL:
		break;
	case TS_KIND_UNKNOWN:
	case TS_KIND_TABLE:
	case TS_KIND_AUDIO:
	case TS_KIND_OTHER:
		meter_add(&mix->other, TS_PACKET_BYTES, now);
		break;
	}
}

/* Bytes of packets per 1000 bytes of the picture; and what there is beside it. */
static uint64_t overhead_permille(struct mix *mix, usec_t now, uint64_t *ret_other_bps)
{
	uint64_t picture = meter_sum(&mix->picture, now), permille;

	*ret_other_bps = USUAL_OTHER_BPS;
	if (!picture)
		return USUAL_PERMILLE;
	*ret_other_bps = meter_per_sec(&mix->other, now) * 8;
	permille = meter_sum(&mix->video, now) * 1000 / picture;
	return permille < OVERHEAD_MAX ? permille : OVERHEAD_MAX;
}

uint64_t mix_picture_bps(struct mix *mix, uint64_t bps, usec_t now)
{
	uint64_t other, permille = overhead_permille(mix, now, &other);
	uint64_t picture = bps > other ? (bps - other) * 1000 / permille : 0;
	uint64_t least = bps / PICTURE_MIN_SHARE > PICTURE_MIN_BPS ? bps / PICTURE_MIN_SHARE
								   : PICTURE_MIN_BPS;

	return picture > least ? picture : least;
}

uint64_t mix_stream_bps(struct mix *mix, uint64_t picture_bps, usec_t now)
{
	uint64_t other, permille = overhead_permille(mix, now, &other);

	return picture_bps * permille / 1000 + other;
}
