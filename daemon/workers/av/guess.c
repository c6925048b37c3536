#include "workers/av/guess.h"

#include <string.h>

/*
 * Types: ISO/IEC 13818-1, table 2-34; 0x81 is what ATSC and everybody writes for AC-3. The PMT is
 * put on a PID that no stream uses.
 */
#define TYPE_MPEG2 0x02
#define TYPE_MP2   0x03
#define TYPE_AAC   0x0f
#define TYPE_LATM  0x11
#define TYPE_H264  0x1b
#define TYPE_H265  0x24
#define TYPE_AC3   0x81

#define PMT_PID 0x1ffe
#define PROGRAM 1

void guess_init(struct guess *guess)
{
	memset(guess, 0, sizeof(*guess));
	ts_align_init(&guess->align);
}

/* By the first start code that only one codec has. */
static uint8_t video_type(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 5 <= len; i++) {
		uint8_t code = data[i + 3];

		if (data[i] || data[i + 1] || data[i + 2] != 1)
			continue;
		if (code == 0xb3 || code == 0xb8) /* sequence, group of pictures */
			return TYPE_MPEG2;
		/* Delimiter, VPS, SPS: two bytes of header. */
		if ((code == 0x46 || code == 0x40 || code == 0x42) && data[i + 4] == 0x01)
			return TYPE_H265;
		if (code == 0x09 || code == 0x67 || code == 0x27) /* delimiter, SPS */
			return TYPE_H264;
	}
	return 0;
}

static uint8_t audio_type(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	if (data[0] == 0xff && (data[1] & 0xf6) == 0xf0)
		return TYPE_AAC;
	if (data[0] == 0xff && (data[1] & 0xe0) == 0xe0 && data[1] & 0x06)
		return TYPE_MP2;
	if (data[0] == 0x56 && (data[1] & 0xe0) == 0xe0)
		return TYPE_LATM;
	return data[0] == 0x0b && data[1] == 0x77 ? TYPE_AC3 : 0;
}

/* What a PES packet holds, from its first bytes; 0: nothing that is known. */
static uint8_t pes_type(const uint8_t *pes, size_t len)
{
	size_t begin;

	if (len < 9 || pes[0] || pes[1] || pes[2] != 1 || (pes[6] & 0xc0) != 0x80)
		return 0;
	begin = 9u + pes[8];
	if (begin >= len)
		return 0;
	if (ts_pes_is_video(pes, len))
		return video_type(pes + begin, len - begin);
	if ((pes[3] & 0xe0) == 0xc0 || pes[3] == 0xbd)
		return audio_type(pes + begin, len - begin);
	return 0;
}

static void guess_packet(struct guess *guess, const uint8_t *data)
{
	struct ts_packet packet;
	uint8_t type;

	if (!ts_packet_decode(data, &packet) || packet.error || !packet.start)
		return;
	if (!packet.pid) {
		guess->has_tables = true;
		return;
	}
	type = pes_type(packet.payload, packet.payload_len);
	if (!type)
		return;
	for (unsigned i = 0; i < guess->count; i++)
		if (guess->stream[i].pid == packet.pid)
			return;
	if (guess->count == GUESS_STREAMS_MAX)
		return;
	guess->stream[guess->count].pid = packet.pid;
	guess->stream[guess->count++].type = type;
	guess->news = true;
}

void guess_feed(struct guess *guess, const uint8_t *data, size_t len, usec_t now)
{
	const uint8_t *run;
	size_t count;

	if (guess->has_tables)
		return;
	if (!guess->bytes)
		guess->started = now;
	guess->bytes += len;
	while ((count = ts_align_next(&guess->align, &data, &len, &run)))
		for (size_t i = 0; i < count; i++)
			guess_packet(guess, run + i * TS_PACKET_BYTES);
}

/* One section of @len bytes of body in one packet. */
static void put_section(uint8_t *packet, unsigned pid, uint8_t table, unsigned id, uint8_t version,
			const uint8_t *body, size_t len)
{
	size_t length = 5 + len + 4;
	uint8_t *s = packet + 5;
	uint32_t crc;

	memset(packet, 0xff, TS_PACKET_BYTES);
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)(0x40 | pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = (uint8_t)(0x10 | (version & 0x0f));
	packet[4] = 0;
	s[0] = table;
	s[1] = (uint8_t)(0xb0 | length >> 8);
	s[2] = (uint8_t)length;
	s[3] = (uint8_t)(id >> 8);
	s[4] = (uint8_t)id;
	s[5] = (uint8_t)(0xc1 | version << 1);
	s[6] = s[7] = 0;
	memcpy(s + 8, body, len);
	crc = psi_crc(s, 8 + len);
	for (int i = 0; i < 4; i++)
		s[8 + len + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

bool guess_tables(struct guess *guess, usec_t now, uint8_t ret_packets[static GUESS_BYTES])
{
	static const uint8_t pat[] = { PROGRAM >> 8, PROGRAM, 0xe0 | PMT_PID >> 8,
				       (uint8_t)PMT_PID };
	uint8_t pmt[4 + 5 * GUESS_STREAMS_MAX];
	size_t len = 4;

	/* Only between packets: the last read may have ended in one. */
	if (guess->has_tables || !guess->news || guess->align.len != guess->align.handed ||
	    (usec_since(guess->started, now) < GUESS_PATIENCE &&
	     guess->bytes < GUESS_PATIENCE_BYTES))
		return false;
	pmt[0] = (uint8_t)(0xe0 | guess->stream[0].pid >> 8); /* the clock is not looked at */
	pmt[1] = (uint8_t)guess->stream[0].pid;
	pmt[2] = 0xf0;
	pmt[3] = 0;
	for (unsigned i = 0; i < guess->count; i++) {
		pmt[len++] = guess->stream[i].type;
		pmt[len++] = (uint8_t)(0xe0 | guess->stream[i].pid >> 8);
		pmt[len++] = (uint8_t)guess->stream[i].pid;
		pmt[len++] = 0xf0;
		pmt[len++] = 0;
	}
	put_section(ret_packets, 0, 0x00, 1, guess->version, pat, sizeof(pat));
	put_section(ret_packets + TS_PACKET_BYTES, PMT_PID, 0x02, PROGRAM, guess->version, pmt,
		    len);
	guess->version = (uint8_t)((guess->version + 1) % 32);
	guess->news = false;
	return true;
}

bool guess_is_used(const struct guess *guess)
{
	return !guess->has_tables && (guess->version || (guess->count && !guess->news));
}
