#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "wire/nullts.h"

/* Null packets of MPEG-TS: one bit each, and put back bit for bit. */

#define PACKET NULLTS_PACKET_BYTES
#define MOST   (NULLTS_PACKETS_MAX * PACKET)

static void put_null(uint8_t *packet)
{
	memset(packet, 0xff, PACKET);
	packet[0] = 0x47;
	packet[1] = 0x1f;
	packet[3] = 0x10;
}

static void put_any(struct rng *rng, uint8_t *packet)
{
	for (size_t i = 0; i < PACKET; i++)
		packet[i] = (uint8_t)rng_u64(rng);
	packet[0] = 0x47;
}

static void comes_back(const uint8_t *ts, size_t len, size_t want)
{
	uint8_t *packed = malloc(len), *back = malloc(len), *exact;
	size_t n = nullts_pack(ts, len, packed);

	assert_int_equal(n, want);
	if (n) {
		exact = malloc(n);
		memcpy(exact, packed, n);
		assert_true(nullts_is_packed(n));
		assert_int_equal(nullts_unpack(exact, n, back, len - 1), 0);
		assert_int_equal(nullts_unpack(exact, n, back, len), len);
		assert_memory_equal(back, ts, len);
		free(exact);
	}
	free(packed);
	free(back);
}

static void every_pattern_of_up_to_eight_packets_comes_back(void **state)
{
	struct rng rng = rng_of(1);

	(void)state;
	for (unsigned packets = 1; packets <= NULLTS_PACKETS_MAX; packets++) {
		for (unsigned nulls = 0; nulls < 1u << packets; nulls++) {
			uint8_t ts[MOST];
			size_t kept = 0;

			for (unsigned i = 0; i < packets; i++) {
				if (nulls & 1u << i)
					put_null(ts + i * PACKET);
				else
					put_any(&rng, ts + (kept++, i * PACKET));
			}
			comes_back(ts, packets * PACKET, nulls ? 1 + kept * PACKET : 0);
		}
	}
}

static void only_the_usual_null_packet_is_left_out(void **state)
{
	uint8_t ts[2 * PACKET];

	(void)state;
	/* Any bit of it that differs must survive, wherever it is. */
	for (unsigned bit = 0; bit < 8 * PACKET; bit++) {
		put_null(ts);
		put_null(ts + PACKET);
		ts[bit / 8] ^= (uint8_t)(1u << bit % 8);
		comes_back(ts, sizeof(ts), 1 + PACKET);
		comes_back(ts, PACKET, 0);
	}
}

static void takes_whole_packets_alone(void **state)
{
	uint8_t ts[MOST + PACKET], out[MOST + PACKET];

	(void)state;
	for (unsigned i = 0; i <= NULLTS_PACKETS_MAX; i++)
		put_null(ts + i * PACKET);
	assert_int_equal(nullts_pack(ts, 0, out), 0);
	assert_int_equal(nullts_pack(ts, PACKET - 1, out), 0);
	assert_int_equal(nullts_pack(ts, PACKET + 1, out), 0);
	assert_int_equal(nullts_pack(ts, MOST + PACKET, out), 0);
	assert_int_equal(nullts_pack(ts, MOST, out), 1);
}

static void refuses_what_no_packing_gives(void **state)
{
	static const struct {
		const char *what;
		uint8_t which;
		size_t len, want;
	} table[] = {
		{ "no null packet", 0x00, 1 + PACKET, 0 },
		{ "a bit behind the last packet", 0x20, 1 + PACKET, 0 },
		{ "the last one is null", 0x40, 1 + PACKET, 2 * PACKET },
		{ "only null packets, with a hole", 0xa0, 1, 0 },
		{ "only null packets", 0xe0, 1, 3 * PACKET },
		{ "eight", 0x01, 1 + 7 * PACKET, 8 * PACKET },
		{ "nine", 0x01, 1 + 8 * PACKET, 0 },
		{ "nine with two", 0xc0, 1 + 7 * PACKET, 0 },
		{ "not of that length", 0x80, PACKET, 0 },
		{ "not of that length", 0x80, 2, 0 },
	};
	static uint8_t packed[1 + MOST], out[MOST + PACKET];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		packed[0] = table[i].which;
		if (nullts_unpack(packed, table[i].len, out, sizeof(out)) != table[i].want)
			fail_msg("%s", table[i].what);
	}
	assert_false(nullts_is_packed(0));
	assert_int_equal(nullts_unpack(packed, 0, out, sizeof(out)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pattern_of_up_to_eight_packets_comes_back),
		cmocka_unit_test(only_the_usual_null_packet_is_left_out),
		cmocka_unit_test(takes_whole_packets_alone),
		cmocka_unit_test(refuses_what_no_packing_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
