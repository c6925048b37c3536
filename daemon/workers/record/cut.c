#include "workers/record/cut.h"

#include <stdbool.h>

#include "stream/ts.h"

/*
 * A segment that begins with the tables and a key picture can be played alone. Muxers write the
 * PAT every 0.1 s or so and before key pictures, if they are kind; a key picture is marked by the
 * random access indicator of its first packet. Audio carries that mark on every frame, so the PES
 * stream id has to be that of video as well.
 */
static bool packet_starts_unit(const uint8_t *p)
{
	return p[0] == 0x47 && (p[1] & 0x40);
}

static bool packet_is_pat(const uint8_t *p)
{
	return packet_starts_unit(p) && !(p[1] & 0x1f) && !p[2];
}

static bool packet_starts_key_picture(const uint8_t *p)
{
	size_t payload = 5 + (size_t)p[4];

	if (!packet_starts_unit(p) || (p[3] & 0x30) != 0x30 || !p[4] || !(p[5] & 0x40))
		return false;
	return payload < CUT_PACKET && ts_pes_is_video(p + payload, CUT_PACKET - payload);
}

size_t cut_find(const uint8_t *data, size_t len, enum cut_rule rule)
{
	size_t table = len;

	if (rule == CUT_RULE_ANY)
		return 0;
	for (size_t at = 0; at + CUT_PACKET <= len; at += CUT_PACKET) {
		if (packet_is_pat(data + at)) {
			table = at;
			if (rule == CUT_RULE_TABLE)
				return table;
		} else if (table < len && packet_starts_key_picture(data + at)) {
			return table;
		}
	}
	return len;
}
