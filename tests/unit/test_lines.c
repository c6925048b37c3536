#include "unit/test.h"

#include <string.h>

#include "sys/lines.h"

static void feed(struct lines *lines, const char *text)
{
	size_t left = strlen(text);
	char *at;

	assert_true(lines_room(lines, &at) >= left);
	memcpy(at, text, left);
	lines_added(lines, left);
}

static void hands_out_lines_that_came_in_pieces(void **state)
{
	struct lines lines;

	(void)state;
	assert_int_equal(lines_init(&lines, 16, false), 0);
	feed(&lines, "on");
	assert_null(lines_next(&lines));
	feed(&lines, "e\n\ntwo\nth");
	assert_string_equal(lines_next(&lines), "one");
	assert_string_equal(lines_next(&lines), "");
	assert_string_equal(lines_next(&lines), "two");
	assert_null(lines_next(&lines));
	assert_string_equal(lines_rest(&lines), "th");
	assert_null(lines_rest(&lines));
	lines_deinit(&lines);
}

static void skips_a_line_that_is_too_long_and_goes_on_behind_it(void **state)
{
	struct lines lines;

	(void)state;
	assert_int_equal(lines_init(&lines, 8, false), 0);
	for (int i = 0; i < 5; i++) {
		feed(&lines, "xxxxxxxx");
		assert_null(lines_next(&lines));
	}
	feed(&lines, "x\nok\n");
	assert_string_equal(lines_next(&lines), "ok");
	assert_null(lines_next(&lines));
	assert_int_equal(lines.oversized, 1);
	lines_deinit(&lines);
}

static void keeps_the_head_of_a_line_that_is_too_long_when_asked(void **state)
{
	struct lines lines;

	(void)state;
	assert_int_equal(lines_init(&lines, 8, true), 0);
	feed(&lines, "abcdefgh");
	assert_string_equal(lines_next(&lines), "abcdefgh");
	assert_null(lines_next(&lines));
	feed(&lines, "ijkl");
	assert_null(lines_next(&lines));
	feed(&lines, "\nok\n");
	assert_string_equal(lines_next(&lines), "ok");
	assert_int_equal(lines.oversized, 1);
	lines_deinit(&lines);
}

static void takes_a_line_that_just_fits(void **state)
{
	struct lines lines;

	(void)state;
	assert_int_equal(lines_init(&lines, 8, false), 0);
	feed(&lines, "abcdefg\n");
	assert_string_equal(lines_next(&lines), "abcdefg");
	assert_int_equal(lines.oversized, 0);
	lines_deinit(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_lines_that_came_in_pieces),
		cmocka_unit_test(skips_a_line_that_is_too_long_and_goes_on_behind_it),
		cmocka_unit_test(keeps_the_head_of_a_line_that_is_too_long_when_asked),
		cmocka_unit_test(takes_a_line_that_just_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
