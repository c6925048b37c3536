#include "stream/origin.h"

#include <string.h>

#include "unit/test.h"

#define NOW	(5 * USEC_PER_SEC)
#define PICTURE (USEC_PER_SEC / 30)
#define LAG_MAX (300 * USEC_PER_MS)

static struct origin origin;
static uint8_t packet[TS_PACKET_BYTES];

/* A packet of video; with @start the first of a PES packet with a PTS. */
static const uint8_t *video(bool start, uint64_t pts)
{
	const uint8_t pes[] = { 0,
				0,
				1,
				0xe0,
				0,
				0,
				0x80,
				0x80,
				5,
				(uint8_t)(0x21 | (pts >> 30 & 7) << 1),
				(uint8_t)(pts >> 22),
				(uint8_t)(1 | (pts >> 15 & 0x7f) << 1),
				(uint8_t)(pts >> 7),
				(uint8_t)(1 | (pts & 0x7f) << 1) };

	memset(packet, 0xff, sizeof(packet));
	packet[0] = TS_SYNC;
	packet[1] = start ? 0x41 : 0x01;
	packet[2] = 0;
	packet[3] = 0x10;
	if (start)
		memcpy(packet + 4, pes, sizeof(pes));
	return packet;
}

static int setup(void **state)
{
	(void)state;
	origin_init(&origin);
	return 0;
}

static void a_picture_is_as_old_as_its_way_through_the_encoder(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		origin_in(&origin, video(true, 3000 * i), NOW + i * PICTURE);
	assert_int_equal(origin_out(&origin, video(true, 3000), LAG_MAX, NOW + 4 * PICTURE),
			 NOW + PICTURE);
	/* What follows it left the encoder a moment later. */
	assert_int_equal(origin_out(&origin, video(false, 0), LAG_MAX, NOW + 4 * PICTURE + 100),
			 NOW + PICTURE + 100);
	assert_int_equal(origin_out(&origin, video(true, 6000), LAG_MAX, NOW + 5 * PICTURE + 7),
			 NOW + 2 * PICTURE);
}

static void what_did_not_go_in_begins_where_it_comes_out(void **state)
{
	(void)state;
	assert_int_equal(origin_out(&origin, video(true, 90000), LAG_MAX, NOW), NOW);
	origin_in(&origin, video(true, 3000), NOW);
	origin_in(&origin, video(false, 0), NOW);
	assert_int_equal(origin_out(&origin, video(true, 90000), LAG_MAX, NOW + 10), NOW + 10);
}

static void the_origin_never_goes_back(void **state)
{
	(void)state;
	origin_in(&origin, video(true, 0), NOW);
	origin_in(&origin, video(true, 3000), NOW + PICTURE);
	assert_int_equal(origin_out(&origin, video(true, 3000), LAG_MAX, NOW + 2 * PICTURE),
			 NOW + PICTURE);
	assert_int_equal(origin_out(&origin, video(true, 0), LAG_MAX, NOW + 2 * PICTURE),
			 NOW + PICTURE);
}

static void a_slow_encoder_leaves_the_bond_its_time(void **state)
{
	(void)state;
	origin_in(&origin, video(true, 0), NOW);
	assert_int_equal(origin_out(&origin, video(true, 0), LAG_MAX, NOW + USEC_PER_SEC),
			 NOW + USEC_PER_SEC - LAG_MAX);
}

static void only_so_many_pictures_are_remembered(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= ORIGIN_PICTURES; i++)
		origin_in(&origin, video(true, 3000 * i), NOW + i);
	assert_int_equal(origin_out(&origin, video(true, 0), LAG_MAX, NOW + 1000), NOW + 1000);
	assert_int_equal(origin_out(&origin, video(true, 3000), LAG_MAX, NOW + 1000), NOW + 1000);
	assert_int_equal(origin.lag, 999);
}

static void what_is_no_picture_is_let_by(void **state)
{
	(void)state;
	/* Sound, a damaged packet, one without a sync byte, a PES header that is cut off. */
	video(true, 0);
	packet[7] = 0xc0;
	origin_in(&origin, packet, NOW);
	video(true, 0);
	packet[1] |= 0x80;
	origin_in(&origin, packet, NOW);
	video(true, 0);
	packet[0] = 0;
	origin_in(&origin, packet, NOW);
	video(true, 0);
	packet[3] = 0x30;
	packet[4] = 180;
	origin_in(&origin, packet, NOW);
	assert_int_equal(origin.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_picture_is_as_old_as_its_way_through_the_encoder, setup),
		cmocka_unit_test_setup(what_did_not_go_in_begins_where_it_comes_out, setup),
		cmocka_unit_test_setup(the_origin_never_goes_back, setup),
		cmocka_unit_test_setup(a_slow_encoder_leaves_the_bond_its_time, setup),
		cmocka_unit_test_setup(only_so_many_pictures_are_remembered, setup),
		cmocka_unit_test_setup(what_is_no_picture_is_let_by, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
