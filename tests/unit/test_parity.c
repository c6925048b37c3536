#include "bond/parity.h"

#include <stdlib.h>
#include <string.h>

#include "base/gf256.h"
#include "base/rng.h"
#include "unit/test.h"

#define LOSS 50000 /* ppm: all rows that there may be of 32 packets, or nearly */
#define SPAN USEC_PER_SEC

static size_t packet_of(uint32_t seq, uint8_t *data)
{
	struct rng rng = { seq + 1000 };
	size_t len;

	len = 1 + rng_below(&rng, WIRE_PARITY_MEDIA_MAX);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)rng_u64(&rng);
	return len;
}

static void put(struct playout *p, uint32_t seq)
{
	uint8_t data[WIRE_MEDIA_MAX];
	struct frame_data frame = { .seq = seq, .time = seq * 1000, .data = data };

	frame.len = (uint16_t)packet_of(seq, data);
	playout_put(p, &frame, seq * 1000);
}

static unsigned released(struct playout *p, uint32_t first, usec_t now)
{
	uint8_t data[WIRE_MEDIA_MAX];
	struct bond_media m;
	unsigned count = 0;

	while (playout_next(p, &m, now)) {
		assert_int_equal(m.seq, first + count);
		assert_int_equal(m.captured, m.seq * 1000);
		assert_int_equal(m.len, packet_of((uint32_t)m.seq, data));
		assert_memory_equal(m.data, data, m.len);
		count++;
	}
	return count;
}

/* Groups of @packets, of each @lost random packets missing, and as many random rows there. */
static void run_of(unsigned packets, unsigned lost, uint64_t seed, bool parity_first)
{
	struct parity_sender *s = calloc(1, sizeof(*s));
	struct parity_receiver r = { 0 };
	struct playout p;
	struct rng rng = { seed };
	uint32_t seq = 0;

	assert_non_null(s);
	assert_int_equal(parity_receiver_init(&r), 0);
	assert_int_equal(playout_init(&p, 512, USEC_PER_SEC, 0), 0);
	put(&p, 0); /* to begin with */
	for (unsigned group = 0; group < 8; group++) {
		uint64_t gone = 0, rows_gone = 0;
		struct frame_parity f;
		unsigned rows = 0;

		parity_tune(s, LOSS * 4);
		for (unsigned i = 0; i < packets; i++) {
			uint8_t data[WIRE_MEDIA_MAX];
			size_t len = packet_of(seq + 1 + i, data);

			parity_add(s, seq + 1 + i, data, len, (seq + 1 + i) * 1000, SPAN);
		}
		(void)parity_flush(s, 0, USEC_NEVER / 2);
		rows = s->group[s->adding ^ 1].rows;
		assert_in_range(rows, lost, WIRE_PARITY_ROWS);
		while ((unsigned)__builtin_popcountll(gone) < lost)
			gone |= UINT64_C(1) << rng_below(&rng, packets);
		while ((unsigned)__builtin_popcountll(rows_gone) < rows - lost)
			rows_gone |= UINT64_C(1) << rng_below(&rng, rows);
		for (unsigned half = 0; half < 2; half++) {
			for (unsigned i = 0; (half == 1) == parity_first && i < packets; i++) {
				if (gone >> i & 1)
					continue;
				put(&p, seq + 1 + i);
				parity_media(&r, &p, seq * 1000);
			}
			while ((half == 0) == parity_first && parity_peek(s, &f)) {
				if (!(rows_gone >> f.row & 1))
					parity_take(&r, &p, &f, seq * 1000);
				parity_sent(s, 0);
			}
		}
		assert_int_equal(released(&p, seq + !!seq, seq * 1000 + 1), packets + !seq);
		seq += packets;
	}
	assert_int_equal(r.recovered, 8 * lost);
	assert_int_equal(r.groups, 0);
	assert_int_equal(r.dropped, 0);
	playout_deinit(&p);
	parity_receiver_deinit(&r);
	free(s);
}

static void test_any_packets_of_a_group_are_enough(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= WIRE_PARITY_ROWS; lost++)
		for (uint64_t seed = 0; seed < 6; seed++)
			run_of(32, lost, seed, seed & 1);
	for (unsigned packets = 4; packets < 32; packets += 3)
		run_of(packets, 1, packets, packets & 1);
}

static void test_the_field_has_inverses(void **state)
{
	(void)state;
	assert_int_equal(gf256_multiply(0, 7), 0);
	assert_int_equal(gf256_multiply(0x80, 2), 0x1d);
	assert_int_equal(gf256_invert(0), 0);
	for (unsigned a = 1; a < 256; a++)
		assert_int_equal(gf256_multiply((uint8_t)a, gf256_invert((uint8_t)a)), 1);
}

static void test_rows_follow_the_losses(void **state)
{
	(void)state;
	assert_int_equal(parity_rows(32, 0), 0);
	assert_int_equal(parity_rows(0, LOSS), 0);
	for (unsigned packets = 1; packets <= 32; packets++)
		for (unsigned loss = 1000; loss < 1000000; loss += 7000)
			assert_in_range(parity_rows(packets, loss), 1,
					packets < 8 ? 1 : packets / 4);
	assert_true(parity_rows(32, 10000) < parity_rows(32, 50000));
}

static void test_void_parity_does_no_harm(void **state)
{
	struct parity_receiver r = { 0 };
	uint8_t sum[PARITY_SYMBOL_MAX];
	struct playout p;
	struct rng rng = { 1 };

	(void)state;
	assert_int_equal(parity_receiver_init(&r), 0);
	assert_int_equal(playout_init(&p, 512, USEC_PER_SEC, 0), 0);
	put(&p, 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct frame_parity f = { .first = (uint32_t)rng_below(&rng, 600),
					  .packets = (uint8_t)(1 + rng_below(&rng, 32)),
					  .row = (uint8_t)rng_below(&rng, 8),
					  .data = sum };

		f.len = (uint16_t)(6 + rng_below(&rng, WIRE_PARITY_MEDIA_MAX));
		for (unsigned k = 0; k < sizeof(sum); k++)
			sum[k] = k < 6 && k != 4 ? (uint8_t)rng_u64(&rng) : 0;
		parity_take(&r, &p, &f, i);
		if (i % 50 == 0)
			put(&p, i / 50);
		parity_media(&r, &p, i);
		assert_in_range(r.groups, 0, PARITY_GROUPS);
	}
	assert_true(r.dropped > 0);
	playout_deinit(&p);
	parity_receiver_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_field_has_inverses),
		cmocka_unit_test(test_rows_follow_the_losses),
		cmocka_unit_test(test_any_packets_of_a_group_are_enough),
		cmocka_unit_test(test_void_parity_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
