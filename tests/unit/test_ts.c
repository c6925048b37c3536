#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "unit/muxer.h"

/* MPEG-TS: packets found in any pieces, tables, continuity, clock. */

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
		cmocka_unit_test(keeps_the_clock_of_the_program),
		cmocka_unit_test(any_packets_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
