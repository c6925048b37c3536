#include "bond/parity.h"

#include "base/gf256.h"
#include "unit/test.h"

#define MS   USEC_PER_MS
#define SPAN (50 * MS)

static void add(struct parity_sender *s, uint32_t from, uint32_t to)
{
	uint8_t data[4] = { 0 };

	for (uint32_t seq = from; seq < to; seq++) {
		data[3] = (uint8_t)seq;
		parity_add(s, seq, data, sizeof(data), seq * MS, SPAN);
	}
}

static void looks(struct parity_sender *s, unsigned count, unsigned every, unsigned lost)
{
	for (unsigned i = 1; i <= count; i++)
		parity_look(s, i % every ? 0 : lost, 100);
}

static void rows_follow_the_losses(void **state)
{
	(void)state;
	assert_int_equal(parity_rows(32, 0, 1), 0);
	assert_int_equal(parity_rows(0, 50000, 1), 0);
	for (unsigned packets = 1; packets <= WIRE_PARITY_PACKETS; packets++)
		for (unsigned loss = 1000; loss <= 1000000; loss += 9000)
			for (unsigned spread = 1; spread <= 64; spread *= 2)
				assert_in_range(parity_rows(packets, loss, spread), 1,
						packets < 6 ? 1 : packets / 3);
	assert_true(parity_rows(128, 10000, 1) < parity_rows(128, 50000, 1));
	assert_true(parity_rows(128, 10000, 1) < parity_rows(128, 10000, 8));
	/* Of many packets a smaller part is enough. */
	assert_true(parity_rows(128, 10000, 1) < 2 * parity_rows(64, 10000, 1));
}

static void losses_in_bursts_ask_for_more_than_as_many_single_ones(void **state)
{
	struct parity_sender s;
	unsigned single;

	(void)state;
	assert_int_equal(parity_init(&s), 0);
	add(&s, 0, 100);
	looks(&s, 200, 1, 2);
	single = s.share;
	looks(&s, 200, 5, 10);
	assert_in_range(single, PARITY_UNIT / 20, PARITY_UNIT / 5);
	assert_in_range(s.share, single * 3 / 2, PARITY_UNIT / 3);
	parity_deinit(&s);
}

static void paths_that_lose_nothing_get_no_parity_after_a_while(void **state)
{
	struct parity_sender s;

	(void)state;
	assert_int_equal(parity_init(&s), 0);
	looks(&s, 1, 2, 0);
	assert_true(s.share > 0);
	add(&s, 0, 40);
	assert_true(parity_is_due(&s));
	looks(&s, 600, 1000, 0);
	assert_int_equal(s.share, 0);
	assert_false(parity_is_due(&s));
	looks(&s, 5, 1, 5);
	assert_true(s.share > 0);
	parity_deinit(&s);
}

static void the_window_slides_with_the_stream(void **state)
{
	struct parity_sender s;
	struct frame_parity f;
	uint8_t expected = 0;

	(void)state;
	assert_int_equal(parity_init(&s), 0);
	s.share = PARITY_UNIT / 4;
	add(&s, 1000, 1003);
	assert_false(parity_is_due(&s));
	add(&s, 1003, 1100);
	assert_true(parity_is_due(&s));
	assert_int_equal(parity_newest(&s), 1099 * MS);
	/* As far back as the span, or what is asked for. */
	assert_true(parity_make(&s, 0, &f));
	assert_int_equal(f.first, 1099 - 50);
	assert_int_equal(f.packets, 51);
	assert_true(parity_make(&s, 1090 * MS, &f));
	assert_int_equal(f.first, 1090);
	assert_int_equal(f.packets, 10);
	assert_int_equal(f.len, WIRE_PARITY_HEADER_BYTES + 4);
	for (uint32_t seq = 1090; seq < 1100; seq++)
		expected ^= gf256_multiply((uint8_t)seq, parity_factor(seq, f.row));
	assert_int_equal(f.data[WIRE_PARITY_HEADER_BYTES + 3], expected);
	assert_false(parity_make(&s, 1100 * MS, &f));
	/* The next one is another sum. */
	parity_sent(&s, 0);
	assert_true(parity_make(&s, 0, &f));
	assert_int_equal(f.row, 1);
	assert_int_equal(s.sent, 1);
	/* No more packets than a frame can name, and none over a gap. */
	for (uint32_t seq = 1100; seq < 1400; seq++)
		parity_add(&s, seq, (const uint8_t *)"", 1, 1100 * MS, SPAN);
	assert_true(parity_make(&s, 0, &f));
	assert_int_equal(f.packets, WIRE_PARITY_PACKETS);
	add(&s, 1500, 1504);
	assert_true(parity_make(&s, 0, &f));
	assert_int_equal(f.first, 1500);
	assert_int_equal(f.packets, 4);
	parity_deinit(&s);
}

static void what_is_too_long_is_in_no_window(void **state)
{
	static uint8_t data[WIRE_MEDIA_MAX];
	struct parity_sender s;
	struct frame_parity f;

	(void)state;
	assert_int_equal(parity_init(&s), 0);
	s.share = PARITY_UNIT;
	add(&s, 0, 4);
	parity_add(&s, 4, data, WIRE_PARITY_MEDIA_MAX + 1, 4 * MS, SPAN);
	assert_false(parity_is_due(&s));
	parity_add(&s, 5, data, WIRE_PARITY_MEDIA_MAX, 5 * MS, SPAN);
	assert_true(parity_make(&s, 0, &f));
	assert_int_equal(f.first, 5);
	assert_int_equal(f.len, PARITY_SYMBOL_MAX);
	parity_skip(&s);
	assert_false(parity_is_due(&s));
	parity_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_follow_the_losses),
		cmocka_unit_test(losses_in_bursts_ask_for_more_than_as_many_single_ones),
		cmocka_unit_test(paths_that_lose_nothing_get_no_parity_after_a_while),
		cmocka_unit_test(the_window_slides_with_the_stream),
		cmocka_unit_test(what_is_too_long_is_in_no_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
