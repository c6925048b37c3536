#include "unit/muxer.h"
#include "workers/av/reference.h"

/* Clock references beside the time stamps of the same PID. */

#define PID  0x100
#define WRAP (INT64_C(1) << 33)

/* Pictures whose time stamps run @lead ticks before the clock references of @pcr_pid; the number of
 * those that do not fit. */
static uint64_t wrong(int64_t first, int64_t lead, uint16_t pcr_pid, unsigned pictures)
{
	static struct mux mux;
	struct reference reference;

	reference_init(&reference);
	for (unsigned i = 0; i < pictures; i++) {
		uint8_t packets[2 * TS_PACKET_BYTES],
			pes[14] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5 };
		int64_t clock = first + i * 3000;
		uint64_t pts = (uint64_t)(clock + lead) & (uint64_t)(WRAP - 1);

		pes[9] = (uint8_t)(0x21 | (pts >> 29 & 0x0e));
		pes[10] = (uint8_t)(pts >> 22);
		pes[11] = (uint8_t)(pts >> 14 | 1);
		pes[12] = (uint8_t)(pts >> 7);
		pes[13] = (uint8_t)(pts << 1 | 1);
		mux_packet(&mux, packets, pcr_pid, false, NULL, 0, clock % WRAP * 300, false);
		mux_packet(&mux, packets + TS_PACKET_BYTES, PID, true, pes, sizeof(pes), -1, false);
		reference_feed(&reference, packets, sizeof(packets));
	}
	return reference.wrong;
}

static void stamps_up_to_ten_seconds_before_the_clock_fit(void **state)
{
	static const int64_t lead[] = { -90000, 0, 36000, 900000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lead) / sizeof(*lead); i++) {
		assert_int_equal(wrong(1000000, lead[i], PID, 50), 0);
		assert_int_equal(wrong(WRAP - 20 * 3000, lead[i], PID, 50), 0);
	}
}

static void others_are_wrong_when_there_is_a_row_of_them(void **state)
{
	(void)state;
	assert_true(wrong(1000000, -90001, PID, 50) > 40);
	assert_true(wrong(1000000, 900001, PID, 50) > 40);
	assert_true(wrong(1000000, WRAP / 2, PID, 50) > 40);
	assert_int_equal(wrong(1000000, WRAP / 2, PID, REFERENCE_ROW - 1), 0);
}

static void the_clock_of_another_pid_tells_nothing(void **state)
{
	(void)state;
	assert_int_equal(wrong(1000000, WRAP / 2, 0x200, 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_up_to_ten_seconds_before_the_clock_fit),
		cmocka_unit_test(others_are_wrong_when_there_is_a_row_of_them),
		cmocka_unit_test(the_clock_of_another_pid_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
