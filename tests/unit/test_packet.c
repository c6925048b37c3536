#include "unit/test.h"

#include <stdbool.h>
#include <string.h>

#include "base/packet.h"
#include "base/rng.h"

/* The pool: never the same packet twice, never one that is not its own, and it counts. */

static void hands_out_each_packet_once_and_counts_when_there_is_none(void **state)
{
	struct packet_pool pool;
	struct packet *held[10];

	(void)state;
	assert_int_equal(packet_pool_init(&pool, 10), 0);
	for (int i = 0; i < 10; i++) {
		held[i] = packet_pool_get(&pool);
		assert_non_null(held[i]);
		memset(held[i]->data, i, sizeof(held[i]->data));
		held[i]->len = PACKET_SIZE;
	}
	assert_null(packet_pool_get(&pool));
	assert_null(packet_pool_get(&pool));
	assert_int_equal(pool.exhausted, 2);
	assert_int_equal(pool.used, 10);
	for (int i = 0; i < 10; i++)
		for (int k = 0; k < PACKET_SIZE; k++)
			assert_int_equal(held[i]->data[k], i);
	for (int i = 0; i < 10; i++)
		packet_pool_put(&pool, held[i]);
	assert_int_equal(pool.used, 0);
	assert_int_equal(pool.used_max, 10);
	packet_pool_deinit(&pool);
}

static void a_returned_packet_comes_back_first_and_clean(void **state)
{
	struct packet_pool pool;
	struct packet *a, *b;

	(void)state;
	assert_int_equal(packet_pool_init(&pool, 100), 0);
	a = packet_pool_get(&pool);
	b = packet_pool_get(&pool);
	a->len = 7;
	a->next = b;
	packet_pool_put(&pool, a);
	assert_ptr_equal(packet_pool_get(&pool), a);
	assert_int_equal(a->len, 0);
	assert_null(a->next);
	/* Little use of a large pool touches little memory. */
	assert_int_equal(pool.untouched, 2);
	packet_pool_put(&pool, NULL);
	assert_int_equal(pool.used, 2);
	packet_pool_deinit(&pool);
}

static void keeps_its_books_over_random_use(void **state)
{
	enum { SIZE = 64 };
	struct rng rng = rng_of(1);
	struct packet_pool pool;
	struct packet *held[SIZE];
	uint32_t n = 0;

	(void)state;
	assert_int_equal(packet_pool_init(&pool, SIZE), 0);
	for (int round = 0; round < 100000; round++) {
		if (rng_chance(&rng, 520000)) {
			struct packet *p = packet_pool_get(&pool);

			assert_int_equal(!p, n == SIZE);
			if (!p)
				continue;
			memset(p->data, 0xff, sizeof(p->data));
			for (uint32_t i = 0; i < n; i++)
				assert_ptr_not_equal(held[i], p);
			held[n++] = p;
		} else if (n) {
			uint32_t i = (uint32_t)rng_below(&rng, n);

			packet_pool_put(&pool, held[i]);
			held[i] = held[--n];
		}
		assert_int_equal(pool.used, n);
	}
	assert_int_equal(pool.used_max, SIZE);
	packet_pool_deinit(&pool);
	packet_pool_deinit(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_each_packet_once_and_counts_when_there_is_none),
		cmocka_unit_test(a_returned_packet_comes_back_first_and_clean),
		cmocka_unit_test(keeps_its_books_over_random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
