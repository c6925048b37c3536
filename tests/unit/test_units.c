#include "unit/test.h"

#include <stdlib.h>

#include "../tools/uplinkctl/units.h"

typedef void format(uint64_t value, char text[UNITS_MAX]);

static const struct {
	format *call;
	uint64_t value;
	const char *text;
} rows[] = {
	{ units_rate, 0, "0 b/s" },
	{ units_rate, 999, "999 b/s" },
	{ units_rate, 1000, "1.00 kb/s" },
	{ units_rate, 3700000, "3.70 Mb/s" },
	{ units_rate, 9994999, "9.99 Mb/s" },
	{ units_rate, 9996000, "10.0 Mb/s" },
	{ units_rate, 123456789, "123 Mb/s" },
	{ units_rate, 999600000, "1.00 Gb/s" },
	{ units_bytes, 12, "12 B" },
	{ units_bytes, 123456789, "123 MB" },
	{ units_bytes, UINT64_MAX, "18446744 TB" },
	{ units_delay, 0, "0.0 ms" },
	{ units_delay, 10400, "10.4 ms" },
	{ units_delay, 250000, "250 ms" },
	{ units_delay, 1250000, "1.25 s" },
	{ units_delay, 75000000, "1 min 15 s" },
	{ units_span, 0, "0 s" },
	{ units_span, UINT64_C(3723) * 1000000, "1 h 02 min" },
	{ units_span, UINT64_C(90000) * 1000000, "1 d 01 h" },
	{ units_count, 0, "0" },
	{ units_count, 999, "999" },
	{ units_count, 81200, "81 200" },
	{ units_count, 1234567, "1 234 567" },
	{ units_count, UINT64_MAX, "18446744073709551615" },
	{ units_percent, 0, "0.00 %" },
	{ units_percent, 4200, "0.42 %" },
	{ units_percent, 20000, "2.0 %" },
	{ units_percent, 1000000, "100 %" },
};

static void numbers_are_written_for_people(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[UNITS_MAX];

		rows[i].call(rows[i].value, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_written_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
