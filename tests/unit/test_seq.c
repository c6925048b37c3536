#include "unit/test.h"

#include "base/rng.h"
#include "base/seq.h"

/* Truncated and circular numbers. */

static void expands_whatever_is_nearer_than_half_the_window(void **state)
{
	static const unsigned widths[] = { 8, 16, 24, 32 };
	struct rng rng = rng_of(1);

	(void)state;
	for (int round = 0; round < 400000; round++) {
		unsigned bits = widths[round % 4];
		uint64_t half = UINT64_C(1) << (bits - 1);
		uint64_t expected = rng_u64(&rng) >> (2 + rng_below(&rng, 60));
		uint64_t offset = rng_below(&rng, half);
		uint64_t truth =
			round & 4 || offset > expected ? expected + offset : expected - offset;
		uint32_t low = (uint32_t)(truth & (2 * half - 1));

		assert_true(seq_expand(expected, low, bits) == truth);
	}
}

static void expands_at_the_edges(void **state)
{
	(void)state;
	assert_true(seq_expand(0, 0, 16) == 0);
	assert_true(seq_expand(0, 0x7fff, 16) == 0x7fff);
	/* Below zero there is nothing: the only candidate is ahead. */
	assert_true(seq_expand(0, 0xffff, 16) == 0xffff);
	assert_true(seq_expand(5, 0xffff, 16) == 0xffff);
	assert_true(seq_expand(0x10000, 0xffff, 16) == 0xffff);
	assert_true(seq_expand(0xffff, 0, 16) == 0x10000);
	/* RFC 9000, appendix A.3: the example. */
	assert_true(seq_expand(UINT64_C(0xa82f30eb), 0x9b32, 16) == UINT64_C(0xa82f9b32));
	/* Bits above the truncation do not matter. */
	assert_true(seq_expand(0x10000, 0xabcdffff, 16) == 0xffff);
}

static void compares_srt_numbers_around_the_circle(void **state)
{
	struct rng rng = rng_of(2);

	(void)state;
	assert_int_equal(seq31_diff(5, 5), 0);
	assert_int_equal(seq31_diff(0, 0x7fffffff), 1);
	assert_int_equal(seq31_diff(0x7fffffff, 0), -1);
	assert_int_equal(seq31_diff(0x3fffffff, 0), 0x3fffffff);
	assert_int_equal(seq31_diff(0x40000000, 0), -0x40000000);
	assert_int_equal(seq31_add(0x7fffffff, 1), 0);
	for (int round = 0; round < 100000; round++) {
		uint32_t a = (uint32_t)rng_below(&rng, UINT64_C(1) << 31);
		uint32_t n = (uint32_t)rng_below(&rng, 1 << 30);

		assert_int_equal(seq31_diff(seq31_add(a, n), a), (int32_t)n);
		assert_int_equal(seq31_diff(a, seq31_add(a, n)), -(int32_t)n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expands_whatever_is_nearer_than_half_the_window),
		cmocka_unit_test(expands_at_the_edges),
		cmocka_unit_test(compares_srt_numbers_around_the_circle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
