#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/rng.h"
#include "uplinkd/wire.h"
#include "wire/hello.h"
#include "wire/seal.h"

/* Sealing, key change and the replay window: what one side seals the other opens, and nothing
 * else. */

static const uint8_t secret[SEAL_SECRET_BYTES] = { 1, 2, 3, 4, 5 };

struct pair {
	struct seal *out, *in;
};

static struct pair pair_new(void)
{
	struct pair pair = { seal_new(secret), seal_new(secret) };

	assert_non_null(pair.out);
	assert_non_null(pair.in);
	return pair;
}

static void pair_free(struct pair *pair)
{
	assert_null(seal_free(pair->out));
	assert_null(seal_free(pair->in));
}

/* A datagram that tells its own number. */
struct datagram {
	uint64_t number;
	unsigned phase;
	uint8_t header[3];
	uint8_t sealed[8 + SEAL_TAG_BYTES];
};

static struct datagram pair_send(struct pair *pair, uint64_t number)
{
	struct datagram d = { .number = number,
			      .phase = seal_phase(pair->out),
			      .header = { 0xc0, (uint8_t)(number >> 8), (uint8_t)number } };

	assert_int_equal(seal_protect(pair->out, 3, number, d.header, sizeof(d.header),
				      (const uint8_t *)&number, 8, d.sealed),
			 sizeof(d.sealed));
	return d;
}

static bool pair_receive(struct pair *pair, const struct datagram *d, usec_t now)
{
	uint64_t number;
	int n = seal_open(pair->in, d->phase, 3, d->number, d->header, sizeof(d->header), d->sealed,
			  sizeof(d->sealed), (uint8_t *)&number, now);

	if (n < 0)
		return false;
	assert_int_equal(n, 8);
	assert_true(number == d->number);
	return true;
}

static void opens_what_was_sealed_in_place_and_elsewhere(void **state)
{
	struct pair pair = pair_new();
	struct rng rng = rng_of(1);

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint8_t plain[WIRE_DATAGRAM_MAX] = { 0 },
			buffer[WIRE_DATAGRAM_MAX + SEAL_TAG_BYTES];
		uint8_t header[WIRE_LONG_BYTES];
		size_t len = rng_below(&rng, sizeof(plain) + 1);
		size_t header_len = rng_below(&rng, sizeof(header) + 1);
		uint64_t number = rng_u64(&rng);
		uint8_t path = (uint8_t)rng_below(&rng, WIRE_PATHS_MAX);

		for (size_t i = 0; i < len; i++)
			plain[i] = (uint8_t)(number >> i % 57);
		memset(header, round, sizeof(header));
		memcpy(buffer, plain, len);
		assert_int_equal(seal_protect(pair.out, path, number, header, header_len,
					      round & 1 ? buffer : plain, len, buffer),
				 len + SEAL_TAG_BYTES);
		if (len > 16)
			assert_memory_not_equal(buffer, plain, len);
		assert_int_equal(seal_open(pair.in, 0, path, number, header, header_len, buffer,
					   len + SEAL_TAG_BYTES, buffer, 0),
				 (int)len);
		assert_memory_equal(buffer, plain, len);
	}
	pair_free(&pair);
}

/* Key, IV and nonce by other means than the code under test. */
static void seals_as_the_specification_says(void **state)
{
	struct pair pair = pair_new();
	uint8_t key[32], iv[12], next[32], out[4 + 16], want[4 + 16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	(void)state;
	for (int step = 0; step < 2; step++) {
		const uint8_t *from = step ? next : secret;
		const uint64_t number = UINT64_C(0x0102030405060708);

		hello_derive(from, "key", NULL, 0, key, sizeof(key));
		hello_derive(from, "iv", NULL, 0, iv, sizeof(iv));
		iv[3] ^= 9;
		for (int i = 0; i < 8; i++)
			iv[4 + i] ^= (uint8_t)(i + 1);
		assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv), 1);
		assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)"hdr", 3), 1);
		assert_int_equal(EVP_EncryptUpdate(ctx, want, &n, (const uint8_t *)"data", 4), 1);
		assert_int_equal(EVP_EncryptFinal_ex(ctx, want + 4, &n), 1);
		assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, want + 4), 1);
		seal_protect(pair.out, 9, number, (const uint8_t *)"hdr", 3,
			     (const uint8_t *)"data", 4, out);
		assert_memory_equal(out, want, sizeof(want));
		hello_derive(from, "next", NULL, 0, next, sizeof(next));
		assert_int_equal(seal_next_key(pair.out), 0);
	}
	EVP_CIPHER_CTX_free(ctx);
	pair_free(&pair);
}

static void refuses_every_changed_bit_and_leaves_the_input_alone(void **state)
{
	struct pair pair = pair_new();
	struct datagram d = pair_send(&pair, 77), copy = d;
	uint8_t longer[sizeof(d.sealed) + 1] = { 0 }, out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(d.sealed) * 8; i++) {
		d.sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		copy = d;
		assert_int_equal(seal_open(pair.in, d.phase, 3, d.number, d.header,
					   sizeof(d.header), d.sealed, sizeof(d.sealed), d.sealed,
					   0),
				 -1);
		assert_memory_equal(&copy, &d, sizeof(d));
		d.sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < sizeof(d.header) * 8; i++) {
		d.header[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(pair_receive(&pair, &d, 0));
		d.header[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (int bit = 0; bit < 64; bit++) {
		d.number ^= UINT64_C(1) << bit;
		assert_int_equal(seal_open(pair.in, 0, 3, d.number, d.header, sizeof(d.header),
					   d.sealed, sizeof(d.sealed), out, 0),
				 -1);
		d.number ^= UINT64_C(1) << bit;
	}
	for (uint8_t path = 0; path < 16; path++)
		assert_int_equal(seal_open(pair.in, 0, path, d.number, d.header, sizeof(d.header),
					   d.sealed, sizeof(d.sealed), out, 0),
				 path == 3 ? 8 : -1);
	for (size_t len = 0; len < sizeof(d.sealed); len++)
		assert_int_equal(seal_open(pair.in, 0, 3, d.number, d.header, sizeof(d.header),
					   d.sealed, len, out, 0),
				 -1);
	memcpy(longer, d.sealed, sizeof(d.sealed));
	assert_int_equal(seal_open(pair.in, 0, 3, d.number, d.header, sizeof(d.header), longer,
				   sizeof(longer), out, 0),
			 -1);
	assert_true(pair_receive(&pair, &d, 0));
	pair_free(&pair);
}

static void refuses_what_is_longer_than_any_datagram(void **state)
{
	struct pair pair = pair_new();
	static uint8_t large[SEAL_BYTES_MAX + 1];

	(void)state;
	assert_int_equal(seal_open(pair.in, 0, 0, 0, large, 3, large, sizeof(large), large, 0), -1);
	assert_int_equal(seal_open(pair.in, 0, 0, 0, large, sizeof(large), large, 64, large, 0),
			 -1);
	pair_free(&pair);
}

static void another_secret_opens_nothing(void **state)
{
	uint8_t other[SEAL_SECRET_BYTES] = { 9 };
	struct pair pair = pair_new();
	struct datagram d = pair_send(&pair, 1);

	(void)state;
	pair.in = (seal_free(pair.in), seal_new(other));
	for (unsigned phase = 0; phase < 2; phase++) {
		d.phase = phase;
		assert_false(pair_receive(&pair, &d, 0));
	}
	pair_free(&pair);
}

/* The order of arrival around the change is shuffled: some old after the first new ones. */
static void a_key_change_loses_no_datagram(void **state)
{
	struct rng rng = rng_of(5);
	struct pair pair = pair_new();
	usec_t now = USEC_PER_SEC;
	uint64_t number = 0;

	(void)state;
	for (int change = 0; change < 20; change++) {
		struct datagram d[40];

		for (int i = 0; i < 40; i++) {
			if (i == 20)
				assert_int_equal(seal_next_key(pair.out), 0);
			d[i] = pair_send(&pair, number++);
			assert_int_equal(d[i].phase, (change + (i >= 20)) & 1);
		}
		for (int i = 39; i > 0; i--) {
			int j = (int)rng_below(&rng, (uint64_t)i + 1);
			struct datagram swap = d[i];

			d[i] = d[j];
			d[j] = swap;
		}
		for (int i = 0; i < 40; i++)
			assert_true(pair_receive(&pair, &d[i], now += USEC_PER_MS));
		assert_int_equal(seal_phase(pair.in), seal_phase(pair.out));
		now += SEAL_OLD_KEY_USEC;
	}
	pair_free(&pair);
}

/* Two directions are two pairs: a change of one leaves the other where it is. */
static void each_direction_changes_on_its_own(void **state)
{
	struct pair there = pair_new(), back = pair_new();
	struct datagram d;

	(void)state;
	assert_int_equal(seal_next_key(there.out), 0);
	for (uint64_t i = 0; i < 100; i++) {
		d = pair_send(&there, i);
		assert_true(pair_receive(&there, &d, i));
		d = pair_send(&back, i);
		assert_int_equal(d.phase, i >= 50);
		assert_true(pair_receive(&back, &d, i));
		if (i == 49)
			assert_int_equal(seal_next_key(back.out), 0);
	}
	pair_free(&there);
	pair_free(&back);
}

static void the_old_key_expires(void **state)
{
	struct pair pair = pair_new();
	const usec_t change = 10 * USEC_PER_SEC;
	struct datagram early = pair_send(&pair, 1), late = pair_send(&pair, 2), first;

	(void)state;
	assert_int_equal(seal_next_key(pair.out), 0);
	first = pair_send(&pair, 3);
	assert_true(pair_receive(&pair, &first, change));
	assert_true(pair_receive(&pair, &early, change + SEAL_OLD_KEY_USEC - 1));
	assert_false(pair_receive(&pair, &late, change + SEAL_OLD_KEY_USEC));
	assert_true(pair_receive(&pair, &first, change + SEAL_OLD_KEY_USEC));
	pair_free(&pair);
}

/* Whoever does not know the key may set the phase bit as he likes: nothing moves. */
static void a_forged_phase_moves_nothing(void **state)
{
	struct pair pair = pair_new();
	struct datagram d = pair_send(&pair, 1);

	(void)state;
	for (int i = 0; i < 100; i++) {
		d.phase = 1;
		d.sealed[i % 8] ^= 1;
		assert_false(pair_receive(&pair, &d, 0));
		d.sealed[i % 8] ^= 1;
		assert_false(pair_receive(&pair, &d, 0));
		assert_int_equal(seal_phase(pair.in), 0);
	}
	d.phase = 0;
	assert_true(pair_receive(&pair, &d, 0));
	/* With an old, a current and a next key in play it is the same. */
	assert_int_equal(seal_next_key(pair.out), 0);
	d = pair_send(&pair, 2);
	assert_true(pair_receive(&pair, &d, 1));
	d.phase ^= 1;
	assert_false(pair_receive(&pair, &d, 2));
	d.phase ^= 1;
	assert_true(pair_receive(&pair, &d, 3));
	pair_free(&pair);
}

/* A second change within the life of the old key: the one before the previous is gone. */
static void two_changes_in_a_row_keep_the_last_two_keys(void **state)
{
	struct pair pair = pair_new();
	struct datagram zero = pair_send(&pair, 0), one, two;

	(void)state;
	assert_int_equal(seal_next_key(pair.out), 0);
	one = pair_send(&pair, 1);
	assert_true(pair_receive(&pair, &one, 1));
	assert_int_equal(seal_next_key(pair.out), 0);
	two = pair_send(&pair, 2);
	assert_true(pair_receive(&pair, &two, 2));
	assert_true(pair_receive(&pair, &one, 3));
	assert_false(pair_receive(&pair, &zero, 4));
	pair_free(&pair);
}

/* --- replay window --------------------------------------------------------------------------- */

static void takes_each_number_once(void **state)
{
	struct replay replay = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		assert_true(replay_is_new(&replay, i));
		replay_record(&replay, i);
		assert_false(replay_is_new(&replay, i));
	}
	assert_false(replay_is_new(&replay, 0));
	assert_false(replay_is_new(&replay, UINT64_MAX));
}

static void the_window_ends_where_it_says(void **state)
{
	static const uint64_t highest[] = { 4032, 4096, 100000, 100031, 100032, 100095, 1 << 30 };

	(void)state;
	for (size_t i = 0; i < sizeof(highest) / sizeof(*highest); i++) {
		struct replay replay = { 0 };
		uint64_t oldest = highest[i] + 1 - (REPLAY_WINDOW - 64);

		replay_record(&replay, highest[i]);
		assert_true(replay_is_new(&replay, oldest));
		if (oldest)
			assert_false(replay_is_new(&replay, oldest - 1));
		replay_record(&replay, oldest);
		assert_false(replay_is_new(&replay, oldest));
		assert_true(replay_is_new(&replay, oldest + 1));
		assert_true(replay_is_new(&replay, highest[i] + 1));
	}
}

/* Against a plain array, with jumps of all sizes. */
static void agrees_with_a_model(void **state)
{
	enum { NUMBERS = 1 << 17 };
	struct rng rng = rng_of(9);
	bool *seen = calloc(NUMBERS, sizeof(*seen));

	(void)state;
	for (int run = 0; run < 10; run++) {
		struct replay replay = { 0 };
		uint64_t highest = 0;

		memset(seen, 0, NUMBERS * sizeof(*seen));
		replay_record(&replay, 0);
		seen[0] = true;
		for (int i = 0; i < 50000; i++) {
			uint64_t number = highest;
			bool want;

			if (rng_chance(&rng, 300000))
				number += rng_below(&rng, rng_chance(&rng, 1000) ? 9000 : 4);
			else
				number -= rng_below(&rng, usec_min(highest + 1, 4200));
			if (number >= NUMBERS)
				break;
			want = !seen[number] && number + (REPLAY_WINDOW - 64) > highest;
			assert_int_equal(replay_is_new(&replay, number), want);
			if (!want)
				continue;
			replay_record(&replay, number);
			seen[number] = true;
			highest = usec_max(highest, number);
		}
	}
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_what_was_sealed_in_place_and_elsewhere),
		cmocka_unit_test(seals_as_the_specification_says),
		cmocka_unit_test(refuses_every_changed_bit_and_leaves_the_input_alone),
		cmocka_unit_test(refuses_what_is_longer_than_any_datagram),
		cmocka_unit_test(another_secret_opens_nothing),
		cmocka_unit_test(a_key_change_loses_no_datagram),
		cmocka_unit_test(each_direction_changes_on_its_own),
		cmocka_unit_test(the_old_key_expires),
		cmocka_unit_test(a_forged_phase_moves_nothing),
		cmocka_unit_test(two_changes_in_a_row_keep_the_last_two_keys),
		cmocka_unit_test(takes_each_number_once),
		cmocka_unit_test(the_window_ends_where_it_says),
		cmocka_unit_test(agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
