#include "unit/test.h"

#include "sim/coder.h"

/* The ideal code of the experiments: any `data` packets of a block are enough, no fewer are. */

#define ROUND(c) ((c)->data * (c)->depth)

/* Gives the coder one round of packets without those in @missing (bits: the source's first, then
 * the extra ones); returns which of the source's are there in the end. */
static uint64_t there_without(const struct coder_config *config, uint64_t missing)
{
	struct coder coder;
	uint64_t number[CODER_BLOCK_MAX], there = 0, first = 0;
	unsigned extra = 0, at = 0;

	coder_init(&coder, config);
	for (uint64_t n = 0; n < ROUND(config); n++, at++) {
		unsigned count = missing >> at & 1 ? 0 : coder_took(&coder, n, number);

		while (count--)
			there |= UINT64_C(1) << number[count];
		extra = coder_extra(&coder, n, &first);
		assert_int_equal(extra, n + 1 == ROUND(config) ? config->extra * config->depth : 0);
	}
	for (unsigned i = 0; i < extra; i++, at++) {
		unsigned count = missing >> at & 1 ? 0 : coder_took(&coder, first + i, number);

		while (count--)
			there |= UINT64_C(1) << number[count];
	}
	coder_deinit(&coder);
	return there;
}

static void a_block_is_whole_when_as_many_packets_came_as_it_has_data(void **state)
{
	static const struct coder_config config = { .data = 6, .extra = 2, .depth = 1 };

	(void)state;
	for (uint64_t missing = 0; missing < 256; missing++) {
		uint64_t all = 63, got = all & ~missing;

		if (__builtin_popcountll(missing) <= 2)
			got = all;
		assert_int_equal(there_without(&config, missing), got);
	}
}

static void a_burst_falls_on_as_many_blocks_as_are_interleaved(void **state)
{
	static const struct coder_config shallow = { .data = 6, .extra = 1, .depth = 1 };
	static const struct coder_config deep = { .data = 6, .extra = 1, .depth = 3 };

	(void)state;
	for (unsigned at = 0; at + 3 <= 6; at++)
		assert_int_not_equal(there_without(&shallow, UINT64_C(7) << at), 63);
	for (unsigned at = 0; at + 3 <= 18; at++)
		assert_int_equal(there_without(&deep, UINT64_C(7) << at), (1 << 18) - 1);
}

static void copies_replace_themselves_alone(void **state)
{
	static const struct coder_config config = {
		.data = 6, .extra = 2, .depth = 1, .repeat = true
	};

	(void)state;
	/* Packets 0 and 3 come twice. */
	assert_int_equal(there_without(&config, 1 << 0 | 1 << 3), 63);
	assert_int_equal(there_without(&config, 1 << 1), 63 & ~(1 << 1));
	assert_int_equal(there_without(&config, 1 << 0 | 1 << 6), 63 & ~1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_whole_when_as_many_packets_came_as_it_has_data),
		cmocka_unit_test(a_burst_falls_on_as_many_blocks_as_are_interleaved),
		cmocka_unit_test(copies_replace_themselves_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
