#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/rng.h"
#include "stream/ts.h"

/* MPEG-TS: packets found in any pieces, tables, continuity, clock, classes of pictures. */

/* --- a small multiplexer ---------------------------------------------------------------------- */

struct mux {
	uint8_t continuity[TS_PIDS];
};

/* A packet of @pid with @payload, filled up by an adaptation field. */
static void mux_packet(struct mux *mux, uint8_t *out, uint16_t pid, bool start,
		       const uint8_t *payload, size_t len, int64_t pcr, bool random_access)
{
	struct writer w = writer_of(out, TS_PACKET_BYTES);
	bool clock = pcr >= 0;
	size_t fill = TS_PACKET_BYTES - 4 - len;
	bool field = fill > 0 || clock || random_access;

	assert_true(fill >= (clock ? 8 : random_access ? 2 : 0));
	writer_u8(&w, TS_SYNC);
	writer_u16(&w, (uint16_t)(pid | (start ? 0x4000 : 0)));
	writer_u8(&w, (uint8_t)((field ? 0x20 : 0) | (len ? 0x10 : 0) | mux->continuity[pid]));
	if (len)
		mux->continuity[pid] = (mux->continuity[pid] + 1) & 15;
	if (field) {
		writer_u8(&w, (uint8_t)(fill - 1));
		if (fill > 1)
			writer_u8(&w, (uint8_t)((random_access ? 0x40 : 0) | (clock ? 0x10 : 0)));
		if (clock)
			writer_uint(&w,
				    (uint64_t)(pcr / 300) << 15 | 0x7e00 | (uint64_t)(pcr % 300),
				    6);
	}
	while (writer_left(&w) > len)
		writer_u8(&w, 0xff);
	writer_bytes(&w, payload, len);
	assert_false(w.failed);
}

static size_t section_end(struct writer *w)
{
	size_t len = writer_len(w) + 4;

	w->begin[1] = (uint8_t)(0xb0 | (len - 3) >> 8);
	w->begin[2] = (uint8_t)(len - 3);
	writer_u32(w, psi_crc(w->begin, writer_len(w)));
	assert_false(w->failed);
	return len;
}

static struct writer section_begin(uint8_t *out, uint8_t table, uint16_t id, unsigned version)
{
	struct writer w = writer_of(out, PSI_SECTION_MAX);

	writer_u8(&w, table);
	writer_u16(&w, 0);
	writer_u16(&w, id);
	writer_u8(&w, (uint8_t)(0xc1 | version << 1));
	writer_u16(&w, 0);
	return w;
}

static size_t make_pat(uint8_t *out, unsigned version, const uint16_t *pmt_pids, unsigned n)
{
	struct writer w = section_begin(out, 0, 1, version);

	for (unsigned i = 0; i < n; i++) {
		writer_u16(&w, (uint16_t)(i + 1));
		writer_u16(&w, 0xe000 | pmt_pids[i]);
	}
	return section_end(&w);
}

struct es {
	uint8_t type;
	uint16_t pid;
	const char *registration;
};

static size_t make_pmt(uint8_t *out, uint16_t number, unsigned version, uint16_t pcr_pid,
		       const struct es *es, unsigned n)
{
	struct writer w = section_begin(out, 2, number, version);

	writer_u16(&w, 0xe000 | pcr_pid);
	writer_u16(&w, 0xf000);
	for (unsigned i = 0; i < n; i++) {
		writer_u8(&w, es[i].type);
		writer_u16(&w, 0xe000 | es[i].pid);
		writer_u16(&w, es[i].registration ? 0xf006 : 0xf000);
		if (es[i].registration) {
			writer_u16(&w, 0x0504);
			writer_bytes(&w, es[i].registration, 4);
		}
	}
	return section_end(&w);
}

static void send_section(struct mux *mux, struct ts *ts, uint16_t pid, const uint8_t *section,
			 size_t len)
{
	uint8_t payload[PSI_SECTION_MAX + 1] = { 0 }, packet[TS_PACKET_BYTES];
	struct ts_info info;

	memcpy(payload + 1, section, len++);
	for (size_t at = 0; at < len; at += 184) {
		size_t n = len - at < 184 ? len - at : 184;

		mux_packet(mux, packet, pid, !at, payload + at, n, -1, false);
		assert_int_equal(ts_read(ts, packet, &info), 1);
		assert_int_equal(info.class, WIRE_CLASS_TABLES);
	}
}

static void send_tables(struct mux *mux, struct ts *ts, unsigned version, const struct es *es,
			unsigned n)
{
	static const uint16_t pmt_pid = 0x1000;
	uint8_t section[PSI_SECTION_MAX];

	send_section(mux, ts, 0, section, make_pat(section, 0, &pmt_pid, 1));
	send_section(mux, ts, pmt_pid, section, make_pmt(section, 1, version, 0x100, es, n));
}

/* --- alignment -------------------------------------------------------------------------------- */

static void fill_stream(struct rng *rng, uint8_t *out, size_t packets)
{
	for (size_t i = 0; i < packets * TS_PACKET_BYTES; i++)
		out[i] = i % TS_PACKET_BYTES ? (uint8_t)rng_u64(rng) : TS_SYNC;
}

static void passes_any_packets_bit_for_bit_in_any_pieces(void **state)
{
	enum { PACKETS = 1000 };
	struct rng rng = rng_of(1);
	uint8_t *stream = malloc(PACKETS * TS_PACKET_BYTES);
	struct ts_align *align = malloc(sizeof(*align));

	(void)state;
	for (int round = 0; round < 30; round++) {
		size_t sent = 0, got = 0, total = PACKETS * TS_PACKET_BYTES;
		size_t piece_max = round < 5 ? 200 : round < 10 ? 1316 : 40000;

		fill_stream(&rng, stream, PACKETS);
		ts_align_init(align);
		while (sent < total) {
			size_t len = rng_below(&rng, piece_max) + 1, n;
			uint8_t *piece;
			const uint8_t *data, *run;

			if (len > total - sent)
				len = total - sent;
			piece = malloc(len);
			memcpy(piece, stream + sent, len);
			sent += len;
			data = piece;
			while ((n = ts_align_next(align, &data, &len, &run))) {
				assert_true(n <= TS_ALIGN_PACKETS);
				assert_memory_equal(run, stream + got, n * TS_PACKET_BYTES);
				got += n * TS_PACKET_BYTES;
			}
			assert_int_equal(len, 0);
			free(piece);
		}
		assert_int_equal(got, total);
		assert_true(align->packets == PACKETS && !align->garbage && !align->lost_step);
	}
	free(align);
	free(stream);
}

static void a_datagram_is_handed_on_at_once_when_in_step(void **state)
{
	struct rng rng = rng_of(2);
	uint8_t stream[7 * TS_PACKET_BYTES];
	struct ts_align *align = malloc(sizeof(*align));
	const uint8_t *data = stream, *run;
	size_t len = sizeof(stream);

	(void)state;
	fill_stream(&rng, stream, 7);
	ts_align_init(align);
	assert_int_equal(ts_align_next(align, &data, &len, &run), 7);
	assert_int_equal(ts_align_next(align, &data, &len, &run), 0);
	data = stream;
	len = TS_PACKET_BYTES;
	assert_int_equal(ts_align_next(align, &data, &len, &run), 1);
	free(align);
}

static void garbage_is_counted_and_left_out(void **state)
{
	struct rng rng = rng_of(3);
	struct ts_align *align = malloc(sizeof(*align));

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint8_t input[60 * TS_PACKET_BYTES + 3000], *at = input, *first, *second;
		uint64_t got = 0, garbage = 0;
		const uint8_t *data = input, *run;
		size_t junk, len, n;

		junk = rng_below(&rng, 1000);
		memset(at, 0x11, junk);
		garbage += junk;
		at += junk;
		first = at;
		fill_stream(&rng, at, 30);
		at += 30 * TS_PACKET_BYTES;
		junk = rng_below(&rng, 1000);
		memset(at, 0x22, junk);
		garbage += junk;
		at += junk;
		second = at;
		fill_stream(&rng, at, 30);
		at += 30 * TS_PACKET_BYTES;
		len = (size_t)(at - input);
		/* No sync byte by chance, so that what is lost is known. */
		for (uint8_t *p = input; p < at; p++)
			if (*p == TS_SYNC && (p < second ? (p - first) % TS_PACKET_BYTES
							 : (p - second) % TS_PACKET_BYTES))
				*p = 0;
		ts_align_init(align);
		while ((n = ts_align_next(align, &data, &len, &run))) {
			const uint8_t *want;

			assert_true(n <= 60 - got);
			for (size_t i = 0; i < n; i++, got++) {
				want = got < 30 ? first + got * TS_PACKET_BYTES
						: second + (got - 30) * TS_PACKET_BYTES;
				assert_memory_equal(run + i * TS_PACKET_BYTES, want,
						    TS_PACKET_BYTES);
			}
		}
		assert_true(got == 60);
		assert_true(align->garbage == garbage);
		assert_int_equal(align->lost_step, junk > 0);
	}
	free(align);
}

static void nonsense_yields_nothing_and_stays_bounded(void **state)
{
	struct ts_align *align = malloc(sizeof(*align));
	static uint8_t zeros[100000];
	const uint8_t *data = zeros, *run;
	size_t len = sizeof(zeros);

	(void)state;
	ts_align_init(align);
	assert_int_equal(ts_align_next(align, &data, &len, &run), 0);
	assert_int_equal(len, 0);
	assert_true(align->garbage == sizeof(zeros));
	/* Two packets alone may be chance: they wait, and count as garbage when nothing comes. */
	zeros[0] = zeros[TS_PACKET_BYTES] = TS_SYNC;
	data = zeros;
	len = 2 * TS_PACKET_BYTES;
	assert_int_equal(ts_align_next(align, &data, &len, &run), 0);
	ts_align_reset(align);
	assert_true(align->garbage == sizeof(zeros) + 2 * TS_PACKET_BYTES);
	free(align);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void reads_the_fields_of_a_packet(void **state)
{
	struct mux mux = { .continuity[0x1234] = 9 };
	uint8_t data[TS_PACKET_BYTES];
	struct ts_packet packet;
	const int64_t pcr = (INT64_C(1) << 33) * 300 - 1;

	(void)state;
	mux_packet(&mux, data, 0x1234, true, (const uint8_t *)"abc", 3, pcr, true);
	assert_int_equal(ts_packet_decode(data, &packet), 1);
	assert_int_equal(packet.pid, 0x1234);
	assert_int_equal(packet.continuity, 9);
	assert_true(packet.start && packet.random_access && packet.has_pcr && packet.has_payload);
	assert_false(packet.error || packet.scrambled || packet.discontinuity);
	assert_true(packet.pcr == (uint64_t)pcr);
	assert_int_equal(packet.payload_len, 3);
	assert_memory_equal(packet.payload, "abc", 3);
	data[4] = 184;
	assert_int_equal(ts_packet_decode(data, &packet), 0);
	data[4] = 183;
	assert_int_equal(ts_packet_decode(data, &packet), 1);
	assert_int_equal(packet.payload_len, 0);
	/* A field too short for the clock that it promises. */
	data[4] = 3;
	assert_int_equal(ts_packet_decode(data, &packet), 1);
	assert_false(packet.has_pcr);
	data[0] = 0x46;
	assert_int_equal(ts_packet_decode(data, &packet), 0);
}

static void reads_the_time_stamps_of_a_pes_packet(void **state)
{
	/* PTS 0x123456789 >> ..., both with their marker bits: PTS 2^33 - 1, DTS 90000. */
	static const uint8_t both[] = { 0,    0,    1,	  0xe0, 0,    0, 0x80, 0xc0, 10,  0x3f,
					0xff, 0xff, 0xff, 0xff, 0x11, 0, 5,    0xbf, 0x21 };
	static const uint8_t none[] = { 0, 0, 1, 0xc0, 0, 0, 0x80, 0, 0 };
	uint64_t pts = 1, dts = 2;

	(void)state;
	assert_int_equal(ts_pes_times(both, sizeof(both), &pts, &dts), 1);
	assert_true(pts == (UINT64_C(1) << 33) - 1);
	assert_true(dts == 90000);
	for (size_t len = 0; len < sizeof(both); len++)
		assert_int_equal(ts_pes_times(both, len, &pts, &dts), 0);
	assert_int_equal(ts_pes_times(none, sizeof(none), &pts, &dts), 0);
}

/* --- the stream ------------------------------------------------------------------------------- */

static const struct es streams[] = {
	{ 0x1b, 0x100, NULL }, { 0x24, 0x101, NULL },	{ 0x0f, 0x102, NULL },
	{ 0x06, 0x103, NULL }, { 0x06, 0x104, "Opus" }, { 0x02, 0x105, NULL },
};

static struct ts_info send(struct mux *mux, struct ts *ts, uint16_t pid, bool start,
			   const void *payload, size_t len)
{
	uint8_t packet[TS_PACKET_BYTES];
	struct ts_info info;

	mux_packet(mux, packet, pid, start, payload, len, -1, false);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	return info;
}

static void tables_tell_what_a_pid_is(void **state)
{
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	assert_int_equal(send(&mux, ts, 0x102, true, "x", 1).kind, TS_KIND_UNKNOWN);
	assert_int_equal(send(&mux, ts, 0x102, true, "x", 1).class, WIRE_CLASS_REFERENCE);
	send_tables(&mux, ts, 0, streams, 6);
	assert_int_equal(ts->tables, 2);
	assert_int_equal(send(&mux, ts, 0x100, false, "x", 1).kind, TS_KIND_VIDEO);
	assert_int_equal(send(&mux, ts, 0x101, false, "x", 1).kind, TS_KIND_VIDEO);
	assert_int_equal(send(&mux, ts, 0x102, false, "x", 1).kind, TS_KIND_AUDIO);
	assert_int_equal(send(&mux, ts, 0x102, false, "x", 1).class, WIRE_CLASS_TABLES);
	assert_int_equal(send(&mux, ts, 0x103, false, "x", 1).kind, TS_KIND_OTHER);
	assert_int_equal(send(&mux, ts, 0x104, false, "x", 1).kind, TS_KIND_AUDIO);
	assert_int_equal(send(&mux, ts, 0x105, false, "x", 1).kind, TS_KIND_VIDEO);
	assert_int_equal(send(&mux, ts, 0x11, false, "x", 1).kind, TS_KIND_TABLE);
	assert_int_equal(send(&mux, ts, TS_PID_NULL, false, "x", 1).class, WIRE_CLASS_DISPOSABLE);
	assert_int_equal(send(&mux, ts, 0x999, false, "x", 1).kind, TS_KIND_UNKNOWN);
	/* The same again is nothing new; another one is. */
	send_tables(&mux, ts, 0, streams, 6);
	assert_int_equal(ts->tables, 2);
	send_tables(&mux, ts, 1, streams, 2);
	assert_int_equal(ts->tables, 3);
	assert_int_equal(send(&mux, ts, 0x101, false, "x", 1).kind, TS_KIND_VIDEO);
	assert_int_equal(send(&mux, ts, 0x102, false, "x", 1).kind, TS_KIND_UNKNOWN);
	free(ts);
}

static void a_table_with_a_wrong_crc_is_none(void **state)
{
	static const uint16_t pmt_pid = 0x1000;
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t section[PSI_SECTION_MAX];
	size_t len = make_pat(section, 0, &pmt_pid, 1);

	(void)state;
	ts_init(ts);
	for (size_t i = 0; i < len * 8; i++) {
		section[i / 8] ^= (uint8_t)(1 << i % 8);
		send_section(&mux, ts, 0, section, len);
		section[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(ts->tables, 0);
	send_section(&mux, ts, 0, section, len);
	assert_int_equal(ts->tables, 1);
	free(ts);
}

static void reads_tables_of_many_packets_and_many_programs(void **state)
{
	enum { N = 12 };
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t section[PSI_SECTION_MAX];
	uint16_t pmt_pids[N];
	struct es es[40];

	(void)state;
	ts_init(ts);
	for (unsigned i = 0; i < N; i++)
		pmt_pids[i] = (uint16_t)(0x20 + i);
	send_section(&mux, ts, 0, section, make_pat(section, 0, pmt_pids, N));
	assert_int_equal(ts->programs, PSI_PROGRAMS_MAX);
	for (unsigned p = 0; p < PSI_PROGRAMS_MAX; p++) {
		for (unsigned i = 0; i < 40; i++)
			es[i] = (struct es){ 0x1b, (uint16_t)(0x100 + 40 * p + i), "HEVC" };
		send_section(&mux, ts, pmt_pids[p], section,
			     make_pmt(section, (uint16_t)(p + 1), 0, 0x100, es, 40));
	}
	assert_int_equal(ts->tables, 1 + PSI_PROGRAMS_MAX);
	for (unsigned pid = 0x100; pid < 0x100 + 40 * N; pid++)
		assert_int_equal(send(&mux, ts, (uint16_t)pid, true, "x", 1).kind,
				 (pid - 0x100) % 40 < PSI_STREAMS_MAX &&
						 (pid - 0x100) / 40 < PSI_PROGRAMS_MAX
					 ? TS_KIND_VIDEO
					 : TS_KIND_UNKNOWN);
	free(ts);
}

static void programs_may_share_a_pid_for_their_tables(void **state)
{
	static const uint16_t pmt_pids[] = { 0x1000, 0x1000 };
	static const struct es one = { 0x0f, 0x200, NULL }, two = { 0x0f, 0x300, NULL };
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t section[PSI_SECTION_MAX];

	(void)state;
	ts_init(ts);
	send_section(&mux, ts, 0, section, make_pat(section, 0, pmt_pids, 2));
	send_section(&mux, ts, 0x1000, section, make_pmt(section, 1, 0, 0x200, &one, 1));
	send_section(&mux, ts, 0x1000, section, make_pmt(section, 2, 0, 0x300, &two, 1));
	assert_int_equal(send(&mux, ts, 0x200, true, "x", 1).kind, TS_KIND_AUDIO);
	assert_int_equal(send(&mux, ts, 0x300, true, "x", 1).kind, TS_KIND_AUDIO);
	free(ts);
}

static void counts_what_is_missing(void **state)
{
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t packet[TS_PACKET_BYTES];
	struct ts_info info;

	(void)state;
	ts_init(ts);
	for (int i = 0; i < 40; i++)
		assert_int_equal(send(&mux, ts, 0x55, false, "x", 1).missing, 0);
	mux.continuity[0x55] = (mux.continuity[0x55] + 3) & 15;
	assert_int_equal(send(&mux, ts, 0x55, false, "x", 1).missing, 3);
	/* Sent twice is allowed, three times is not. */
	mux_packet(&mux, packet, 0x55, false, (const uint8_t *)"x", 1, -1, false);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_true(info.repeated && !info.missing);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_true(!info.repeated && info.missing == 15);
	/* Without a payload the counter stands still. */
	mux.continuity[0x55] = (mux.continuity[0x55] + 15) & 15;
	mux_packet(&mux, packet, 0x55, false, NULL, 0, 0, false);
	mux.continuity[0x55] = (mux.continuity[0x55] + 1) & 15;
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_int_equal(info.missing, 0);
	assert_int_equal(send(&mux, ts, 0x55, false, "x", 1).missing, 0);
	/* An announced discontinuity is none. */
	mux.continuity[0x55] = (mux.continuity[0x55] + 7) & 15;
	mux_packet(&mux, packet, 0x55, false, (const uint8_t *)"x", 1, 0, false);
	packet[5] |= 0x80;
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_int_equal(info.missing, 0);
	assert_true(ts->missing == 18 && ts->gaps == 2);
	free(ts);
}

/* A PES packet with @es behind its header, cut into packets of @piece bytes; the info of the last.
 */
static struct ts_info send_unit(struct mux *mux, struct ts *ts, uint16_t pid, const uint8_t *es,
				size_t len, size_t piece)
{
	uint8_t unit[2000] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0 };
	struct ts_info info = { 0 };

	memcpy(unit + 9, es, len);
	len += 9;
	for (size_t at = 0; at < len; at += piece)
		info = send(mux, ts, pid, !at, unit + at, len - at < piece ? len - at : piece);
	return info;
}

static void knows_the_class_of_a_picture(void **state)
{
	static const struct {
		const char *what;
		uint16_t pid;
		uint8_t es[32];
		size_t len;
		int class; /* -1: not known */
	} table[] = {
		/* Delimiter 09, SPS 67, PPS 68, SEI 06, slices x1, IDR 65. */
		{ "H.264 IDR", 0x100, { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0x80 }, 12, 0 },
		{ "H.264 SPS", 0x100, { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 0x42, 0x00 }, 12, 0 },
		{ "H.264 P", 0x100, { 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 0x9a, 0x24 }, 11, 1 },
		{ "H.264 b", 0x100, { 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x01, 0x9e, 0x41 }, 11, 2 },
		{ "H.264 timing SEI, P",
		  0x100,
		  { 0, 0, 1, 6, 1, 4, 0, 8, 0x10, 0x20, 0x80, 0, 0, 1, 0x61, 0x9a, 0x24 },
		  17,
		  1 },
		{ "H.264 recovery point", 0x100, { 0, 0, 1, 6, 6, 1, 0xc4, 0x80 }, 8, 0 },
		{ "H.264 delimiter alone", 0x100, { 0, 0, 1, 9, 0xf0, 0xff, 0xff }, 7, -1 },
		{ "H.264 short units",
		  0x100,
		  { 0, 0, 1, 10, 0, 0, 1, 11, 0, 0, 1, 0x25, 1, 2 },
		  14,
		  0 },
		/* H.265: delimiter 46 01, VPS 40 01, TRAIL_R 02 01, TRAIL_N 00 01, IDR_W 26 01. */
		{ "H.265 IDR", 0x101, { 0, 0, 1, 0x46, 1, 0x50, 0, 0, 1, 0x26, 1, 0xaf }, 12, 0 },
		{ "H.265 VPS", 0x101, { 0, 0, 1, 0x46, 1, 0x50, 0, 0, 1, 0x40, 1, 0x0c }, 12, 0 },
		{ "H.265 CRA", 0x101, { 0, 0, 1, 0x2a, 1, 0xaf }, 6, 0 },
		{ "H.265 TRAIL_R", 0x101, { 0, 0, 1, 0x02, 1, 0xd0 }, 6, 1 },
		{ "H.265 TRAIL_N", 0x101, { 0, 0, 1, 0x00, 1, 0xe0 }, 6, 2 },
		{ "H.265 RASL_N", 0x101, { 0, 0, 1, 0x10, 1, 0xe0 }, 6, 2 },
		{ "H.265 SEI only", 0x101, { 0, 0, 1, 0x4e, 1, 1, 0xff, 0xff }, 8, -1 },
		{ "MPEG-2", 0x105, { 0, 0, 1, 0, 0, 8 }, 6, 1 },
	};
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		/* In one packet, and cut everywhere. */
		for (size_t piece = 9; piece < 60; piece++) {
			struct ts_info info =
				send_unit(&mux, ts, table[i].pid, table[i].es, table[i].len, piece);

			if (info.class_known != (table[i].class >= 0))
				fail_msg("%s: known %d", table[i].what, info.class_known);
			if (info.class_known && info.class != table[i].class)
				fail_msg("%s: class %d", table[i].what, info.class);
			if (!info.class_known)
				assert_int_equal(info.class, WIRE_CLASS_REFERENCE);
		}
	}
	assert_true(ts->video_units == 15 * 51);
	free(ts);
}

static void the_class_becomes_known_with_the_packet_that_has_the_slice(void **state)
{
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t unit[400] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 1, 9, 0xf0 };
	struct ts_info info;

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	memset(unit + 14, 0xaa, sizeof(unit) - 14);
	memcpy(unit + 184 - 4, (const uint8_t[]){ 0, 0, 1, 0x01, 0x9e, 0x11 }, 6);
	info = send(&mux, ts, 0x100, true, unit, 184);
	assert_true(info.unit_start && !info.class_known && info.class == WIRE_CLASS_REFERENCE);
	info = send(&mux, ts, 0x100, false, unit + 184, 184);
	assert_true(!info.unit_start && info.class_known && info.class == WIRE_CLASS_DISPOSABLE);
	/* And holds for the rest of the unit. */
	info = send(&mux, ts, 0x100, false, "\0\0\1\x65\x88\x80", 6);
	assert_true(info.class_known && info.class == WIRE_CLASS_DISPOSABLE);
	info = send(&mux, ts, 0x100, true, unit, 20);
	assert_true(info.unit_start && !info.class_known);
	free(ts);
}

static void lower_temporal_layers_are_not_disposable(void **state)
{
	static const uint8_t low_n[] = { 0, 0, 1, 0x00, 1, 0xe0 },
			     high_n[] = { 0, 0, 1, 0x04, 2, 0xe0 };
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	assert_int_equal(send_unit(&mux, ts, 0x101, low_n, 6, 50).class, WIRE_CLASS_DISPOSABLE);
	assert_int_equal(send_unit(&mux, ts, 0x101, high_n, 6, 50).class, WIRE_CLASS_DISPOSABLE);
	assert_int_equal(send_unit(&mux, ts, 0x101, low_n, 6, 50).class, WIRE_CLASS_REFERENCE);
	free(ts);
}

static void announced_temporal_layers_count_before_they_are_seen(void **state)
{
	/* SPS of three layers, IDR; then a picture of the lowest. */
	static const uint8_t key[] = { 0, 0, 1, 0x42, 1, 0x04, 0, 0, 1, 0x26, 1, 0xaf },
			     low_n[] = { 0, 0, 1, 0x00, 1, 0xe0 };
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	assert_int_equal(send_unit(&mux, ts, 0x101, key, 12, 50).class, WIRE_CLASS_TABLES);
	assert_int_equal(send_unit(&mux, ts, 0x101, low_n, 6, 50).class, WIRE_CLASS_REFERENCE);
	free(ts);
}

static void knows_where_a_decoder_can_begin(void **state)
{
	static const struct {
		uint16_t pid;
		uint8_t es[24];
		size_t len;
		enum picture_entry entry;
	} table[] = {
		/* Behind the parameter sets the slice decides. */
		{ 0x100,
		  { 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x65, 0x88, 0x80 },
		  12,
		  PICTURE_ENTRY_CLEAN },
		{ 0x100,
		  { 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x41, 0x9a, 0x24 },
		  12,
		  PICTURE_ENTRY_NONE },
		{ 0x100,
		  { 0, 0, 1, 6, 6, 1, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a, 0x24 },
		  14,
		  PICTURE_ENTRY_OPEN },
		{ 0x100,
		  { 0, 0, 1, 6, 6, 1, 0x24, 0x80, 0, 0, 1, 0x41, 0x9a, 0x24 },
		  14,
		  PICTURE_ENTRY_GRADUAL },
		{ 0x101, { 0, 0, 1, 0x26, 1, 0xaf }, 6, PICTURE_ENTRY_CLEAN },
		{ 0x101, { 0, 0, 1, 0x28, 1, 0xaf }, 6, PICTURE_ENTRY_CLEAN },
		{ 0x101, { 0, 0, 1, 0x2a, 1, 0xaf }, 6, PICTURE_ENTRY_OPEN },
		{ 0x101, { 0, 0, 1, 0x20, 1, 0xaf }, 6, PICTURE_ENTRY_OPEN },
		{ 0x101, { 0, 0, 1, 0x02, 1, 0xd0 }, 6, PICTURE_ENTRY_NONE },
	};
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (size_t piece = 9; piece < 40; piece++) {
			struct ts_info info =
				send_unit(&mux, ts, table[i].pid, table[i].es, table[i].len, piece);

			assert_non_null(info.picture);
			assert_true(info.picture->sliced);
			assert_int_equal(info.picture->entry, table[i].entry);
		}
	free(ts);
}

static void keeps_the_clock_of_the_program(void **state)
{
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t packet[TS_PACKET_BYTES];
	struct ts_info info;

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	assert_false(ts->has_pcr);
	mux_packet(&mux, packet, 0x101, false, (const uint8_t *)"x", 1, 77, false);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_false(ts->has_pcr);
	mux_packet(&mux, packet, 0x100, false, NULL, 0, 27000000, false);
	assert_int_equal(ts_read(ts, packet, &info), 1);
	assert_true(ts->has_pcr && ts->pcr == 27000000);
	/* A packet that is nothing but clock is important, whatever it lies in. */
	assert_int_equal(info.class, WIRE_CLASS_TABLES);
	free(ts);
}

static void any_packets_are_read(void **state)
{
	struct rng rng = rng_of(9);
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	for (int i = 0; i < 200000; i++) {
		uint8_t *packet = malloc(TS_PACKET_BYTES);
		struct ts_info info;

		for (int k = 0; k < TS_PACKET_BYTES; k++)
			packet[k] = (uint8_t)rng_u64(&rng);
		packet[0] = TS_SYNC;
		if (rng_chance(&rng, 500000))
			packet[1] &= 0x60, packet[2] &= 0x1f;
		(void)ts_read(ts, packet, &info);
		free(packet);
	}
	assert_true(ts->packets == 200000);
	free(ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_any_packets_bit_for_bit_in_any_pieces),
		cmocka_unit_test(a_datagram_is_handed_on_at_once_when_in_step),
		cmocka_unit_test(garbage_is_counted_and_left_out),
		cmocka_unit_test(nonsense_yields_nothing_and_stays_bounded),
		cmocka_unit_test(reads_the_fields_of_a_packet),
		cmocka_unit_test(reads_the_time_stamps_of_a_pes_packet),
		cmocka_unit_test(tables_tell_what_a_pid_is),
		cmocka_unit_test(a_table_with_a_wrong_crc_is_none),
		cmocka_unit_test(reads_tables_of_many_packets_and_many_programs),
		cmocka_unit_test(programs_may_share_a_pid_for_their_tables),
		cmocka_unit_test(counts_what_is_missing),
		cmocka_unit_test(knows_the_class_of_a_picture),
		cmocka_unit_test(the_class_becomes_known_with_the_packet_that_has_the_slice),
		cmocka_unit_test(lower_temporal_layers_are_not_disposable),
		cmocka_unit_test(announced_temporal_layers_count_before_they_are_seen),
		cmocka_unit_test(knows_where_a_decoder_can_begin),
		cmocka_unit_test(keeps_the_clock_of_the_program),
		cmocka_unit_test(any_packets_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
