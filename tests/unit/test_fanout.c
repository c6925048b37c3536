#include "unit/test.h"

#include <string.h>

#include "stream/fanout.h"

#define PACKET FANOUT_PACKET_BYTES

/* A packet that carries its number, and the mark of a keyframe where asked for. */
static void packet_make(uint8_t *packet, uint32_t number, bool clean)
{
	memset(packet, 0xff, PACKET);
	packet[0] = 0x47;
	packet[3] = clean ? 0x30 : 0x10;
	packet[4] = clean ? 7 : 0;
	packet[5] = clean ? 0x50 : 0;
	memcpy(packet + 16, &number, sizeof(number));
}

static void write_number(struct fanout *fanout, uint32_t number, bool clean, usec_t now)
{
	uint8_t packet[PACKET];

	packet_make(packet, number, clean);
	fanout_write(fanout, packet, sizeof(packet), now);
}

/* The number of the next packet, taken; UINT32_MAX when there is none. */
static uint32_t take_number(struct fanout_tap *tap)
{
	const uint8_t *packets;
	uint32_t number;

	if (!fanout_tap_peek(tap, PACKET, &packets))
		return UINT32_MAX;
	memcpy(&number, packets + 16, sizeof(number));
	fanout_tap_take(tap, PACKET);
	return number;
}

static void every_tap_gets_every_byte_in_order(void **state)
{
	struct fanout *fanout = fanout_new(10 * PACKET);
	struct fanout_tap one = { 0 }, two = { 0 };

	(void)state;
	fanout_tap_open(&one, fanout, FANOUT_RULE_OLDEST, 10 * PACKET, USEC_NEVER);
	fanout_tap_open(&two, fanout, FANOUT_RULE_FRESH, 10 * PACKET, USEC_NEVER);
	for (uint32_t i = 0; i < 1000; i++) {
		write_number(fanout, i, false, i * USEC_PER_MS);
		assert_int_equal(take_number(&one), i);
		if (i % 7 == 6)
			for (uint32_t k = i - 6; k <= i; k++)
				assert_int_equal(take_number(&two), k);
	}
	assert_int_equal(one.dropped_bytes + two.dropped_bytes, 0);
	assert_int_equal(one.taken_bytes, 1000 * PACKET);
	fanout_tap_close(&one);
	fanout_tap_close(&two);
	fanout_free(fanout);
}

static void a_stuck_tap_costs_no_other_anything(void **state)
{
	struct fanout *fanout = fanout_new(10 * PACKET);
	struct fanout_tap good = { 0 }, stuck = { 0 };

	(void)state;
	fanout_tap_open(&stuck, fanout, FANOUT_RULE_FRESH, 4 * PACKET, USEC_NEVER);
	fanout_tap_open(&good, fanout, FANOUT_RULE_OLDEST, 10 * PACKET, USEC_NEVER);
	for (uint32_t i = 0; i < 500; i++) {
		write_number(fanout, i, false, i);
		assert_int_equal(take_number(&good), i);
		assert_true(fanout_tap_backlog(&stuck) <= 4 * PACKET);
	}
	assert_int_equal(good.dropped_bytes, 0);
	assert_int_equal(stuck.dropped_bytes + fanout_tap_backlog(&stuck), 500 * PACKET);
	fanout_tap_close(&good);
	fanout_tap_close(&stuck);
	fanout_free(fanout);
}

static void a_recording_loses_only_the_oldest(void **state)
{
	struct fanout *fanout = fanout_new(8 * PACKET);
	struct fanout_tap tap = { 0 };

	(void)state;
	fanout_tap_open(&tap, fanout, FANOUT_RULE_OLDEST, 5 * PACKET, USEC_NEVER);
	for (uint32_t i = 0; i < 8; i++)
		write_number(fanout, i, i == 6, i);
	for (uint32_t i = 3; i < 8; i++)
		assert_int_equal(take_number(&tap), i);
	assert_int_equal(take_number(&tap), UINT32_MAX);
	assert_int_equal(tap.dropped_bytes, 3 * PACKET);
	fanout_tap_close(&tap);
	fanout_free(fanout);
}

static void a_fresh_tap_goes_on_at_the_newest_clean_point(void **state)
{
	struct fanout *fanout = fanout_new(20 * PACKET);
	struct fanout_tap tap = { 0 };

	(void)state;
	fanout_tap_open(&tap, fanout, FANOUT_RULE_FRESH, 10 * PACKET, USEC_NEVER);
	for (uint32_t i = 0; i < 11; i++)
		write_number(fanout, i, i == 3 || i == 7, i);
	assert_int_equal(take_number(&tap), 7);
	assert_int_equal(tap.overflows, 1);
	fanout_tap_close(&tap);
	fanout_free(fanout);
}

static void a_fresh_tap_without_clean_points_goes_on_at_the_newest_packet(void **state)
{
	struct fanout *fanout = fanout_new(20 * PACKET);
	struct fanout_tap tap = { 0 };

	(void)state;
	fanout_tap_open(&tap, fanout, FANOUT_RULE_FRESH, 10 * PACKET, USEC_NEVER);
	for (uint32_t i = 0; i < 11; i++)
		write_number(fanout, i, false, i);
	assert_int_equal(take_number(&tap), 10);
	fanout_tap_close(&tap);
	fanout_free(fanout);
}

static void what_is_too_old_is_skipped(void **state)
{
	struct fanout *fanout = fanout_new(100 * PACKET);
	struct fanout_tap tap = { 0 };

	(void)state;
	fanout_tap_open(&tap, fanout, FANOUT_RULE_FRESH, 100 * PACKET, USEC_PER_SEC);
	for (uint32_t i = 0; i < 11; i++)
		write_number(fanout, i, i == 9, i * 100 * USEC_PER_MS);
	assert_int_equal(tap.dropped_bytes, 0);
	assert_int_equal(fanout_tap_age(&tap, USEC_PER_SEC), USEC_PER_SEC);
	write_number(fanout, 11, false, 1200 * USEC_PER_MS);
	assert_int_equal(take_number(&tap), 9);
	fanout_tap_close(&tap);
	fanout_free(fanout);
}

static void a_write_larger_than_the_ring_leaves_its_end(void **state)
{
	struct fanout *fanout = fanout_new(4 * PACKET + 17);
	struct fanout_tap tap = { 0 };
	uint8_t packets[10 * PACKET];

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		packet_make(packets + i * PACKET, i, false);
	fanout_tap_open(&tap, fanout, FANOUT_RULE_OLDEST, 1000 * PACKET, USEC_NEVER);
	fanout_write(fanout, packets, sizeof(packets), 0);
	for (uint32_t i = 6; i < 10; i++)
		assert_int_equal(take_number(&tap), i);
	assert_int_equal(take_number(&tap), UINT32_MAX);
	assert_int_equal(fanout_bytes(fanout), sizeof(packets));
	fanout_tap_close(&tap);
	fanout_free(fanout);
}

static void a_tap_opened_later_starts_with_the_next_packet(void **state)
{
	struct fanout *fanout = fanout_new(10 * PACKET);
	struct fanout_tap tap = { 0 };

	(void)state;
	write_number(fanout, 0, false, 0);
	fanout_tap_open(&tap, fanout, FANOUT_RULE_OLDEST, 10 * PACKET, USEC_NEVER);
	assert_int_equal(take_number(&tap), UINT32_MAX);
	write_number(fanout, 1, false, 1);
	assert_int_equal(take_number(&tap), 1);
	fanout_tap_close(&tap);
	assert_int_equal(take_number(&tap), UINT32_MAX);
	fanout_free(fanout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tap_gets_every_byte_in_order),
		cmocka_unit_test(a_stuck_tap_costs_no_other_anything),
		cmocka_unit_test(a_recording_loses_only_the_oldest),
		cmocka_unit_test(a_fresh_tap_goes_on_at_the_newest_clean_point),
		cmocka_unit_test(a_fresh_tap_without_clean_points_goes_on_at_the_newest_packet),
		cmocka_unit_test(what_is_too_old_is_skipped),
		cmocka_unit_test(a_write_larger_than_the_ring_leaves_its_end),
		cmocka_unit_test(a_tap_opened_later_starts_with_the_next_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
