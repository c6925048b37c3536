#include "workers/av/passage.h"

#include <stdlib.h>
#include <string.h>

#include "stream/ts.h"

/*
 * All is what came in; only after a break of the source's clock (timeline.h) the time stamps and
 * clock references are moved, to where those of the encoder go on.
 */
#define RUN_PACKETS   64
#define SOUND_PID_OFF UINT16_MAX
#define KEPT_MAX      128 /* packets of sound: far more than fit between two pictures */

struct passage {
	struct raw *raw;
	struct output *output;
	bool on;
	uint16_t video, sound;
	uint64_t shift;
	int64_t begun; /* its first place */
	uint64_t at;   /* the place of the next packet to look at */
	uint64_t other_bytes;

	int64_t sound_sent;  /* sound up to here went the other way */
	int64_t sound_first; /* places of PES packets of this passage; -1: none yet */
	int64_t sound_last;
	int sound_left; /* bytes of the last one that are still to come */
	AVPacket *kept[KEPT_MAX];
	unsigned kept_count;

	uint8_t run[RUN_PACKETS * TS_PACKET_BYTES];
	size_t run_len;
};

struct passage *passage_new(struct raw *raw, struct output *output)
{
	struct passage *passage = calloc(1, sizeof(*passage));

	if (!passage)
		return NULL;
	passage->raw = raw;
	passage->output = output;
	passage->sound_first = passage->sound_last = -1;
	return passage;
}

static void passage_forget(struct passage *passage)
{
	av_packet_free(&passage->kept[0]);
	passage->kept_count--;
	for (unsigned i = 0; i < passage->kept_count; i++)
		passage->kept[i] = passage->kept[i + 1];
}

struct passage *passage_free(struct passage *passage)
{
	while (passage && passage->kept_count)
		passage_forget(passage);
	free(passage);
	return NULL;
}

/* NAL units of H.264: 5 a slice of an IDR picture, 7 a sequence parameter set; of H.265: 19 and 20
 * IDR slices, 33 a sequence parameter set; those up to 5 and 31 are slices of pictures. */
bool passage_may_begin_with(enum AVCodecID codec, const uint8_t *data, int size)
{
	bool hevc = codec == AV_CODEC_ID_HEVC, set = false;

	for (int i = 0; i + 3 < size; i++) {
		unsigned type;

		if (data[i] || data[i + 1] || data[i + 2] != 1)
			continue;
		type = hevc ? data[i + 3] >> 1 & 0x3f : data[i + 3] & 0x1f;
		if (type == (hevc ? 33 : 7))
			set = true;
		else if (hevc ? type <= 31 : type >= 1 && type <= 5)
			return set && (hevc ? type == 19 || type == 20 : type == 5);
		i += 3;
	}
	return false;
}

/* --- time stamps ------------------------------------------------------------------------------ */

/* The 33 bits of a PTS or DTS in its 5 bytes (2.4.3.7). */
static void shift_stamp(uint8_t *b, uint64_t shift)
{
	uint64_t v = (uint64_t)(b[0] >> 1 & 7) << 30 | (uint64_t)b[1] << 22 |
		     (uint64_t)(b[2] >> 1) << 15 | (uint64_t)b[3] << 7 | b[4] >> 1;

	v += shift;
	b[0] = (uint8_t)((b[0] & 0xf1) | (v >> 30 & 7) << 1);
	b[1] = (uint8_t)(v >> 22);
	b[2] = (uint8_t)((v >> 15 & 0x7f) << 1 | 1);
	b[3] = (uint8_t)(v >> 7);
	b[4] = (uint8_t)((v & 0x7f) << 1 | 1);
}

/* The base of a clock reference: 33 bits from @b on (2.4.3.5). */
static void shift_clock(uint8_t *b, uint64_t shift)
{
	uint64_t v = (uint64_t)b[0] << 25 | (uint64_t)b[1] << 17 | (uint64_t)b[2] << 9 |
		     (uint64_t)b[3] << 1 | b[4] >> 7;

	v += shift;
	b[0] = (uint8_t)(v >> 25);
	b[1] = (uint8_t)(v >> 17);
	b[2] = (uint8_t)(v >> 9);
	b[3] = (uint8_t)(v >> 1);
	b[4] = (uint8_t)((v & 1) << 7 | (b[4] & 0x7f));
}

static void passage_shift(const struct passage *passage, const struct ts_packet *packet,
			  uint8_t *data)
{
	uint8_t *pes;
	uint64_t pts, dts;

	if (packet->has_pcr)
		shift_clock(data + 6, passage->shift);
	if (!packet->start || !ts_pes_times(packet->payload, packet->payload_len, &pts, &dts))
		return;
	pes = data + (packet->payload - data);
	shift_stamp(pes + 9, passage->shift);
	if (pes[7] & 0x40)
		shift_stamp(pes + 14, passage->shift);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void passage_flush(struct passage *passage)
{
	output_write(passage->output, passage->run, passage->run_len);
	passage->run_len = 0;
}

static void passage_put(struct passage *passage, const uint8_t data[static TS_PACKET_BYTES])
{
	if (passage->run_len == sizeof(passage->run))
		passage_flush(passage);
	memcpy(passage->run + passage->run_len, data, TS_PACKET_BYTES);
	passage->run_len += TS_PACKET_BYTES;
}

/* Whether a packet of the sound belongs to this passage. */
static bool passage_takes_sound(struct passage *passage, const struct ts_packet *packet,
				int64_t position)
{
	const uint8_t *pes = packet->payload;

	if (packet->start && packet->payload_len >= 6) {
		if (position <= passage->sound_sent)
			return false;
		if (passage->sound_first < 0)
			passage->sound_first = position;
		passage->sound_last = position;
		passage->sound_left = (pes[4] << 8 | pes[5]) + 6;
	} else if (passage->sound_first < 0) {
		return false;
	}
	passage->sound_left -= (int)packet->payload_len;
	return true;
}

static void passage_send(struct passage *passage, uint8_t data[static TS_PACKET_BYTES],
			 int64_t position)
{
	struct ts_packet packet;

	if (!ts_packet_decode(data, &packet)) {
		passage_put(passage, data);
		return;
	}
	if (packet.pid == passage->sound && packet.has_payload &&
	    !passage_takes_sound(passage, &packet, position))
		return;
	if (passage->shift)
		passage_shift(passage, &packet, data);
	if (packet.pid != passage->video && packet.pid != TS_PID_NULL)
		passage->other_bytes += TS_PACKET_BYTES;
	passage_put(passage, data);
}

static bool begins_picture(const struct passage *passage, const uint8_t *data)
{
	struct ts_packet packet;

	return ts_packet_decode(data, &packet) && packet.pid == passage->video && packet.start;
}

/* Sends what is there up to the beginning of a picture at @position or behind. */
static bool passage_advance(struct passage *passage, uint64_t position)
{
	uint8_t data[RUN_PACKETS * TS_PACKET_BYTES];
	bool more = true;

	while (more) {
		long n = raw_read(passage->raw, passage->at, data, sizeof(data));

		if (n < 0)
			return false;
		more = n == (long)sizeof(data);
		for (long i = 0; i + TS_PACKET_BYTES <= n; i += TS_PACKET_BYTES) {
			if (data[i] != TS_SYNC)
				return false;
			if (passage->at >= position && begins_picture(passage, data + i))
				return true;
			passage_send(passage, data + i, (int64_t)passage->at);
			passage->at += TS_PACKET_BYTES;
		}
	}
	return true;
}

/* --- the way ---------------------------------------------------------------------------------- */

bool passage_begin(struct passage *passage, const struct programme *programme, int64_t position,
		   int64_t sound_sent, uint64_t shift)
{
	uint8_t data[TS_PACKET_BYTES];

	passage->video = programme->pid[MEDIA_VIDEO];
	passage->sound = programme->pid[MEDIA_AUDIO] ? programme->pid[MEDIA_AUDIO] : SOUND_PID_OFF;
	if (position < 0 ||
	    raw_read(passage->raw, (uint64_t)position, data, sizeof(data)) != sizeof(data) ||
	    !begins_picture(passage, data))
		return false;
	passage->begun = position;
	passage->at = (uint64_t)position;
	passage->sound_sent = sound_sent;
	passage->sound_first = passage->sound_last = -1;
	passage->sound_left = 0;
	passage->shift = shift;
	output_change(passage->output);
	passage->on = true;
	return true;
}

bool passage_is_on(const struct passage *passage)
{
	return passage->on;
}

/* A second picture in one PES packet goes with the first. */
bool passage_is_ahead(const struct passage *passage, int64_t position)
{
	return position >= 0 && (uint64_t)position >= passage->at;
}

bool passage_picture(struct passage *passage, int64_t position)
{
	bool good;

	if (!passage_is_ahead(passage, position))
		return true;
	good = passage_advance(passage, (uint64_t)position + TS_PACKET_BYTES);
	passage_flush(passage);
	return good;
}

void passage_end(struct passage *passage)
{
	uint8_t data[TS_PACKET_BYTES];
	struct ts_packet packet;
	uint64_t at = passage->at;

	while (passage->sound_left > 0 &&
	       raw_read(passage->raw, at, data, sizeof(data)) == sizeof(data) &&
	       ts_packet_decode(data, &packet)) {
		if (packet.pid == passage->sound && packet.has_payload) {
			if (packet.start)
				break;
			passage_send(passage, data, (int64_t)at);
		}
		at += TS_PACKET_BYTES;
	}
	passage_flush(passage);
	passage->on = false;
}

bool passage_keep_sound(struct passage *passage, const AVPacket *packet)
{
	/* Some parsers give a frame only when the next one comes: it may have been sent since. */
	if (!passage->on)
		return passage->sound_first >= 0 && packet->pos >= passage->sound_first &&
		       packet->pos <= passage->sound_last;
	if (packet->pos < passage->begun || packet->pos <= passage->sound_sent)
		return false;
	while (passage->kept_count &&
	       (passage->kept_count == KEPT_MAX || passage->kept[0]->pos <= passage->sound_last))
		passage_forget(passage);
	passage->kept[passage->kept_count] = av_packet_clone(packet);
	passage->kept_count += passage->kept[passage->kept_count] ? 1 : 0;
	return true;
}

AVPacket *passage_unsent_sound(struct passage *passage)
{
	AVPacket *packet;

	while (passage->kept_count && passage->kept[0]->pos <= passage->sound_last)
		passage_forget(passage);
	if (!passage->kept_count)
		return NULL;
	packet = av_packet_clone(passage->kept[0]);
	passage_forget(passage);
	return packet;
}

uint64_t passage_other_bytes(const struct passage *passage)
{
	return passage->other_bytes;
}
