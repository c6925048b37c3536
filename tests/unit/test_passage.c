#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/test.h"
#include "workers/av/passage.h"

#define VIDEO 0x100
#define SOUND 0x101
#define STAMP UINT64_C(90000)

static struct output output;
static struct raw *raw;
static struct passage *passage;
static uint8_t stream[64 * TS_PACKET_BYTES];
static unsigned packets;

static int setup(void **state)
{
	(void)state;
	output_init(&output, memfd_create("out", 0));
	raw = raw_new(1 << 20);
	passage = passage_new(raw, &output);
	packets = 0;
	return output.fd < 0 || !raw || !passage;
}

static int teardown(void **state)
{
	(void)state;
	passage = passage_free(passage);
	raw = raw_free(raw);
	return close(output.fd);
}

/* Adds a packet; one that starts a PES packet has a PTS of @pts, and of sound @length bytes. */
static void add(unsigned pid, uint8_t continuity, bool start, uint64_t pts, unsigned length)
{
	uint8_t *p = stream + packets++ * TS_PACKET_BYTES;

	memset(p, 0xff, TS_PACKET_BYTES);
	p[0] = TS_SYNC;
	p[1] = (uint8_t)((start ? 0x40 : 0) | pid >> 8);
	p[2] = (uint8_t)pid;
	p[3] = (uint8_t)(0x10 | continuity);
	if (start) {
		uint8_t pes[14] = { 0, 0, 1, pid == VIDEO ? 0xe0 : 0xc0, 0, 0, 0x80, 0x80, 5 };

		pes[4] = (uint8_t)(length >> 8);
		pes[5] = (uint8_t)length;
		pes[9] = (uint8_t)(0x21 | (pts >> 30 & 7) << 1);
		pes[10] = (uint8_t)(pts >> 22);
		pes[11] = (uint8_t)((pts >> 15 & 0x7f) << 1 | 1);
		pes[12] = (uint8_t)(pts >> 7);
		pes[13] = (uint8_t)((pts & 0x7f) << 1 | 1);
		memcpy(p + 4, pes, sizeof(pes));
	}
	raw_append(raw, p, TS_PACKET_BYTES);
}

/* Packet @n of what went out. */
static const uint8_t *sent(unsigned n)
{
	static uint8_t packet[TS_PACKET_BYTES];

	memset(packet, 0, sizeof(packet));
	assert_true(pread(output.fd, packet, sizeof(packet), (off_t)(n * sizeof(packet))) >= 0);
	return packet;
}

static const struct programme programme = {
	.number = 1,
	.pmt_pid = 0x1000,
	.pid = { [MEDIA_VIDEO] = VIDEO, [MEDIA_AUDIO] = SOUND },
};

static void pictures_go_out_whole_and_nothing_of_the_next(void **state)
{
	(void)state;
	add(VIDEO, 1, true, STAMP, 0);
	add(VIDEO, 2, false, 0, 0);
	add(TS_PID_NULL, 0, false, 0, 0);
	add(VIDEO, 3, true, STAMP + 3000, 0);
	add(VIDEO, 4, false, 0, 0);
	add(VIDEO, 5, true, STAMP + 6000, 0);
	assert_true(passage_begin(passage, &programme, 0, -1, 0));
	assert_true(passage_picture(passage, 0));
	assert_int_equal(output.bytes, 3 * TS_PACKET_BYTES);
	assert_true(passage_is_ahead(passage, 3 * TS_PACKET_BYTES));
	assert_true(passage_picture(passage, 3 * TS_PACKET_BYTES));
	assert_false(passage_is_ahead(passage, 3 * TS_PACKET_BYTES));
	assert_int_equal(output.bytes, 5 * TS_PACKET_BYTES);
	for (unsigned i = 0; i < 5; i++)
		assert_memory_equal(sent(i), stream + i * TS_PACKET_BYTES, TS_PACKET_BYTES);
	assert_int_equal(passage_other_bytes(passage), 0);
}

static void it_begins_only_where_a_picture_begins(void **state)
{
	(void)state;
	add(VIDEO, 1, false, 0, 0);
	add(SOUND, 1, true, STAMP, 8 + 100);
	add(VIDEO, 2, true, STAMP, 0);
	assert_false(passage_begin(passage, &programme, -1, -1, 0));
	assert_false(passage_begin(passage, &programme, 0, -1, 0));
	assert_false(passage_begin(passage, &programme, TS_PACKET_BYTES, -1, 0));
	assert_false(passage_begin(passage, &programme, 3 * TS_PACKET_BYTES, -1, 0));
	assert_true(passage_begin(passage, &programme, 2 * TS_PACKET_BYTES, -1, 0));
}

static void sound_is_cut_between_its_own_packets(void **state)
{
	(void)state;
	add(VIDEO, 1, true, STAMP, 0);
	add(SOUND, 1, false, 0, 0);		   /* of a PES packet begun before: not sent */
	add(SOUND, 2, true, STAMP, 178 + 184 * 2); /* whose end comes after the next picture */
	add(SOUND, 3, false, 0, 0);
	add(VIDEO, 2, true, STAMP + 3000, 0);
	add(SOUND, 4, false, 0, 0);
	add(SOUND, 5, true, STAMP + 9000, 178);
	assert_true(passage_begin(passage, &programme, 0, -1, 0));
	assert_true(passage_picture(passage, 0));
	assert_int_equal(output.bytes, 3 * TS_PACKET_BYTES);
	passage_end(passage);
	/* The one that was begun is ended; the next one is not begun. */
	assert_int_equal(output.bytes, 4 * TS_PACKET_BYTES);
	assert_memory_equal(sent(3), stream + 5 * TS_PACKET_BYTES, TS_PACKET_BYTES);
	assert_false(passage_is_on(passage));
}

static void sound_is_kept_until_it_is_known_who_sends_it(void **state)
{
	AVPacket *packet = av_packet_alloc(), *unsent;

	(void)state;
	add(VIDEO, 1, true, STAMP, 0);
	add(SOUND, 1, true, STAMP, 178);
	add(VIDEO, 2, true, STAMP + 3000, 0);
	add(SOUND, 2, true, STAMP + 1920, 178);
	assert_true(passage_begin(passage, &programme, 0, -1, 0));
	packet->pos = TS_PACKET_BYTES;
	assert_true(passage_keep_sound(passage, packet));
	packet->pos = 3 * TS_PACKET_BYTES;
	assert_true(passage_keep_sound(passage, packet));
	assert_true(passage_picture(passage, 0));
	passage_end(passage);
	unsent = passage_unsent_sound(passage);
	assert_non_null(unsent);
	assert_int_equal(unsent->pos, 3 * TS_PACKET_BYTES);
	av_packet_free(&unsent);
	assert_null(passage_unsent_sound(passage));
	/* A frame that its parser gives late was sent; later ones were not. */
	packet->pos = TS_PACKET_BYTES;
	assert_true(passage_keep_sound(passage, packet));
	packet->pos = 3 * TS_PACKET_BYTES;
	assert_false(passage_keep_sound(passage, packet));
	av_packet_free(&packet);
}

static void time_stamps_are_moved_when_told(void **state)
{
	struct ts_packet packet;
	uint64_t pts, dts;

	(void)state;
	add(VIDEO, 1, true, (UINT64_C(1) << 33) - 1000, 0);
	add(VIDEO, 2, true, STAMP, 0);
	assert_true(passage_begin(passage, &programme, 0, -1, 5000));
	assert_true(passage_picture(passage, 0));
	assert_int_equal(ts_packet_decode(sent(0), &packet), 1);
	assert_int_equal(ts_pes_times(packet.payload, packet.payload_len, &pts, &dts), 1);
	assert_int_equal(pts, 4000);
}

static void what_is_overwritten_ends_it(void **state)
{
	static const uint8_t more[1 << 20];

	(void)state;
	add(VIDEO, 1, true, STAMP, 0);
	assert_true(passage_begin(passage, &programme, 0, -1, 0));
	raw_append(raw, more, sizeof(more));
	assert_false(passage_picture(passage, 0));
}

static void makers_whose_counters_do_not_fit_are_joined(void **state)
{
	struct ts_packet packet;

	(void)state;
	for (uint8_t i = 0; i < 2; i++)
		add(VIDEO, i, false, 0, 0);
	add(VIDEO, 9, false, 0, 0);
	add(SOUND, 5, false, 0, 0);
	add(VIDEO, 10, false, 0, 0);
	output_write(&output, stream, 2 * TS_PACKET_BYTES);
	output_change(&output);
	output_write(&output, stream + 2 * TS_PACKET_BYTES, 3 * TS_PACKET_BYTES);
	/* One joint, before the first packet of the PID that is known. */
	assert_int_equal(output.bytes, 6 * TS_PACKET_BYTES);
	assert_int_equal(ts_packet_decode(sent(2), &packet), 1);
	assert_int_equal(packet.pid, VIDEO);
	assert_int_equal(packet.continuity, 8);
	assert_true(packet.discontinuity);
	assert_false(packet.has_payload);
	/* A loss of the same maker stays one; and one that fits needs none. */
	output_write(&output, stream, TS_PACKET_BYTES);
	output_change(&output);
	output_write(&output, stream + TS_PACKET_BYTES, TS_PACKET_BYTES);
	assert_int_equal(output.bytes, 8 * TS_PACKET_BYTES);
}

static void a_stream_can_begin_with_an_idr_picture_and_its_parameter_sets(void **state)
{
	static const struct {
		enum AVCodecID codec;
		bool may;
		char data[24];
	} rows[] = {
		{ AV_CODEC_ID_H264, true, "\0\0\0\1\x09\xf0\0\0\1\x67x\0\0\1\x68x\0\0\1\x65x" },
		{ AV_CODEC_ID_H264, false, "\0\0\0\1\x09\xf0\0\0\1\x65xxxxxx" },
		{ AV_CODEC_ID_H264, false, "\0\0\1\x67x\0\0\1\x68x\0\0\1\x41xxx" },
		{ AV_CODEC_ID_H264, false, "\0\0\1\x67x\0\0\1\x68xxxxx" },
		{ AV_CODEC_ID_HEVC, true, "\0\0\1\x42\1x\0\0\1\x26\1x" },
		{ AV_CODEC_ID_HEVC, false, "\0\0\1\x42\1x\0\0\1\x2a\1x" }, /* CRA */
		{ AV_CODEC_ID_HEVC, false, "\0\0\1\x26\1xxxxx" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(passage_may_begin_with(rows[i].codec,
							(const uint8_t *)rows[i].data,
							sizeof(rows[i].data)),
				 rows[i].may);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(pictures_go_out_whole_and_nothing_of_the_next),
		TEST(it_begins_only_where_a_picture_begins),
		TEST(sound_is_cut_between_its_own_packets),
		TEST(sound_is_kept_until_it_is_known_who_sends_it),
		TEST(time_stamps_are_moved_when_told),
		TEST(what_is_overwritten_ends_it),
		TEST(makers_whose_counters_do_not_fit_are_joined),
		TEST(a_stream_can_begin_with_an_idr_picture_and_its_parameter_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
