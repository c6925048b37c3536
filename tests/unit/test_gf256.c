#include "base/gf256.h"

#include <string.h>

#include "base/rng.h"
#include "unit/test.h"

static void every_element_but_0_has_an_inverse(void **state)
{
	(void)state;
	assert_int_equal(gf256_multiply(0, 7), 0);
	assert_int_equal(gf256_multiply(0x80, 2), 0x1d);
	assert_int_equal(gf256_invert(0), 0);
	for (unsigned a = 1; a < 256; a++)
		assert_int_equal(gf256_multiply((uint8_t)a, gf256_invert((uint8_t)a)), 1);
}

static void bulk_work_is_that_of_single_bytes(void **state)
{
	struct rng rng = { 1 };

	(void)state;
	for (unsigned factor = 0; factor < 256; factor++) {
		uint8_t from[100], to[100], scaled[100], before[100];
		size_t len = rng_below(&rng, sizeof(from) + 1);

		for (unsigned i = 0; i < sizeof(from); i++) {
			from[i] = scaled[i] = (uint8_t)rng_u64(&rng);
			to[i] = before[i] = (uint8_t)rng_u64(&rng);
		}
		gf256_add_scaled(to, from, len, (uint8_t)factor);
		gf256_scale(scaled, len, (uint8_t)factor);
		for (unsigned i = 0; i < sizeof(from); i++) {
			uint8_t product = gf256_multiply(from[i], (uint8_t)factor);

			assert_int_equal(to[i], i < len ? before[i] ^ product : before[i]);
			assert_int_equal(scaled[i], i < len ? product : from[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_element_but_0_has_an_inverse),
		cmocka_unit_test(bulk_work_is_that_of_single_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
