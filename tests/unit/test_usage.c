#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "usage.h"

static uint64_t day_of(const struct usage *usage, const char *name, uint32_t today)
{
	uint64_t day, month;

	usage_get(usage, name, today, &day, &month);
	return day;
}

static uint64_t month_of(const struct usage *usage, const char *name, uint32_t today)
{
	uint64_t day, month;

	usage_get(usage, name, today, &day, &month);
	return month;
}

static void days_and_months_begin_anew(void **state)
{
	static const struct {
		uint32_t today;
		uint64_t add, day, month;
	} steps[] = {
		{ 20261130, 10, 10, 10 }, { 20261130, 5, 15, 15 }, { 20261201, 0, 0, 0 },
		{ 20261201, 7, 7, 7 },	  { 20261231, 1, 1, 8 },   { 20270101, 2, 2, 2 },
		{ 20280101, 3, 3, 3 },
	};
	struct usage usage = { 0 };

	(void)state;
	assert_int_equal(day_of(&usage, "lan", 20261130), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].add)
			usage_add(&usage, "lan", steps[i].add, steps[i].today);
		assert_int_equal(day_of(&usage, "lan", steps[i].today), steps[i].day);
		assert_int_equal(month_of(&usage, "lan", steps[i].today), steps[i].month);
	}
	assert_int_equal(month_of(&usage, "cell", 20280101), 0);
}

static void a_clock_that_is_not_set_forgets_nothing(void **state)
{
	struct usage usage = { 0 };

	(void)state;
	usage_add(&usage, "cell", 100, 20261124);
	usage_add(&usage, "cell", 1, 19700101);
	assert_int_equal(day_of(&usage, "cell", 19700101), 101);
	assert_int_equal(month_of(&usage, "cell", 20261125), 101);
	assert_int_equal(day_of(&usage, "cell", 20261125), 0);
	usage_add(&usage, "new", 3, 19700101);
	assert_int_equal(day_of(&usage, "new", 19700101), 3);
}

static void what_is_printed_is_read_again(void **state)
{
	static struct usage usage, again;
	static char text[USAGE_TEXT_MAX];
	char name[BOND_NAME_MAX];

	(void)state;
	for (unsigned i = 0; i < USAGE_ENTRIES_MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "uplink-with-a-name-so-long-%04u", i);
		usage_add(&usage, name, UINT64_MAX / 2, 20261124 + i);
	}
	assert_int_equal(usage.count, USAGE_ENTRIES_MAX);
	assert_in_range(usage_print(&usage, text), 1000, USAGE_TEXT_MAX - 1);
	assert_int_equal(usage_parse(&again, text), 0);
	assert_memory_equal(&usage, &again, sizeof(usage));
	/* The oldest gave their place away. */
	assert_int_equal(month_of(&again, "uplink-with-a-name-so-long-0000", 20261124), 0);
	assert_true(month_of(&again, name, 20261124 + USAGE_ENTRIES_MAX + 2));
}

static void lines_that_are_none_are_counted_and_passed_over(void **state)
{
	struct usage usage = { 0 };

	(void)state;
	assert_int_equal(usage_parse(&usage, "lan 20261124 1 2\n\nlan\ncell x 1 2\n"
					     "wifi 20261124 1 2 3\ncell 20261124 5 6"),
			 4);
	assert_int_equal(usage.count, 2);
	assert_int_equal(day_of(&usage, "lan", 20261124), 1);
	assert_int_equal(month_of(&usage, "cell", 20261125), 6);
}

static void levels_rise_with_what_is_used(void **state)
{
	static const struct {
		uint64_t used, cap, soon;
		enum usage_level level;
	} rows[] = {
		{ 0, 1000, 0, USAGE_LEVEL_FINE },
		{ 799, 1000, 10, USAGE_LEVEL_FINE },
		{ 800, 1000, 10, USAGE_LEVEL_NEAR },
		{ 949, 1000, 10, USAGE_LEVEL_NEAR },
		{ 950, 1000, 10, USAGE_LEVEL_CLOSE },
		{ 989, 1000, 10, USAGE_LEVEL_CLOSE },
		{ 990, 1000, 10, USAGE_LEVEL_REACHED },
		{ 5000, 1000, 0, USAGE_LEVEL_REACHED },
		{ 5000, 0, 10, USAGE_LEVEL_FINE },
		{ UINT64_C(1) << 60, UINT64_C(1) << 62, 0, USAGE_LEVEL_FINE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(usage_level(rows[i].used, rows[i].cap, rows[i].soon),
				 rows[i].level);
}

static void another_size_of_headers_holds_for_what_comes_alone(void **state)
{
	struct usage_seen seen = { 0 };

	(void)state;
	assert_int_equal(usage_since(&seen, 1000000, 1000, 48), 1048000);
	/* From IPv6 to IPv4. */
	assert_int_equal(usage_since(&seen, 1001000, 1001, 28), 1028);
	assert_int_equal(usage_since(&seen, 1001000, 1001, 48), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_months_begin_anew),
		cmocka_unit_test(a_clock_that_is_not_set_forgets_nothing),
		cmocka_unit_test(what_is_printed_is_read_again),
		cmocka_unit_test(lines_that_are_none_are_counted_and_passed_over),
		cmocka_unit_test(levels_rise_with_what_is_used),
		cmocka_unit_test(another_size_of_headers_holds_for_what_comes_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
