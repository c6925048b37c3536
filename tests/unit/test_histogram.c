#include "unit/test.h"

#include "base/histogram.h"

#define MS USEC_PER_MS

static void every_delay_falls_into_a_bucket_that_is_hardly_wider_than_an_eighth(void **state)
{
	(void)state;
	for (usec_t ms = 0; ms < 65000; ms += ms / 50 + 1) {
		struct histogram h = { 0 };
		usec_t end;

		histogram_add(&h, ms * MS);
		end = histogram_percentile(&h, 5000);
		assert_true(end > ms * MS);
		assert_true(end <= (ms + ms / 8 + 1) * MS);
	}
}

static void the_longest_delays_share_the_last_bucket(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	histogram_add(&h, 3600 * USEC_PER_SEC);
	assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 1], 1);
	assert_true(histogram_end(HISTOGRAM_BUCKETS - 1) >= 60 * USEC_PER_SEC);
}

static void percentiles_and_counts_are_right(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	assert_int_equal(histogram_percentile(&h, 9990), 0);
	for (unsigned i = 0; i < 999; i++)
		histogram_add(&h, 3 * MS + 500);
	histogram_add(&h, 900 * MS);
	assert_int_equal(h.total, 1000);
	assert_int_equal(histogram_percentile(&h, 5000), 4 * MS);
	assert_int_equal(histogram_percentile(&h, 9990), 4 * MS);
	assert_in_range(histogram_percentile(&h, 9991), 900 * MS, 1020 * MS);
	assert_int_equal(histogram_above(&h, 500 * MS), 1);
	assert_int_equal(histogram_above(&h, 2000 * MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_delay_falls_into_a_bucket_that_is_hardly_wider_than_an_eighth),
		cmocka_unit_test(the_longest_delays_share_the_last_bucket),
		cmocka_unit_test(percentiles_and_counts_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
