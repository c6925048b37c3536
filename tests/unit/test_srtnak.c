#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/rng.h"
#include "base/seq.h"
#include "wire/srthdr.h"
#include "wire/srtnak.h"

/* NAKs for what the bond has given up end at the relay; all others pass. */

#define SOCKET 0x1234

static void release_flagged(struct srtnak *f, uint32_t seq, bool again, bool lost)
{
	uint8_t packet[20];
	struct writer w = writer_of(packet, sizeof(packet));

	writer_u32(&w, seq);
	writer_u32(&w, 0xc0000000u | (again ? 1u << 26 : 0));
	writer_u32(&w, 0);
	writer_u32(&w, SOCKET);
	writer_u32(&w, 0x47);
	srtnak_toward_receiver(f, packet, sizeof(packet), lost);
}

static void release(struct srtnak *f, uint32_t seq)
{
	release_flagged(f, seq, false, true);
}

static void acknowledge(struct srtnak *f, uint32_t seq)
{
	uint8_t packet[20], out[20];
	struct writer w = writer_of(packet, sizeof(packet));

	writer_u32(&w, 0x80020000u);
	writer_u32(&w, 1);
	writer_u32(&w, 0);
	writer_u32(&w, SOCKET + 1);
	writer_u32(&w, seq);
	assert_int_equal(srtnak_toward_sender(f, packet, sizeof(packet), out, sizeof(out)), 20);
	assert_memory_equal(packet, out, 20);
}

/* Filters a NAK with the loss list @in of @n words into @out; the number of words. */
static size_t nak(struct srtnak *f, const uint32_t *in, size_t n, uint32_t *out, size_t room)
{
	uint8_t packet[SRTHDR_PACKET_MAX], filtered[SRTHDR_PACKET_MAX * 3];
	struct writer w = writer_of(packet, sizeof(packet));
	size_t len;

	writer_u32(&w, 0x80030000u);
	writer_u32(&w, 0);
	writer_u32(&w, 55);
	writer_u32(&w, SOCKET + 1);
	for (size_t i = 0; i < n; i++)
		writer_u32(&w, in[i]);
	assert_false(w.failed);
	len = srtnak_toward_sender(f, packet, writer_len(&w), filtered, 16 + room * 4);
	if (!len)
		return 0;
	assert_memory_equal(packet, filtered, 16);
	assert_true(len % 4 == 0 && len > 16 && len <= 16 + room * 4);
	assert_true(srthdr_is_sane(filtered, len) || len > SRTHDR_PACKET_MAX);
	for (size_t i = 0; i < len / 4 - 4; i++) {
		struct cursor c = cursor_of(filtered + 16 + 4 * i, 4);

		out[i] = cursor_u32(&c);
	}
	return len / 4 - 4;
}

#define RANGE 0x80000000u

static void takes_given_up_packets_out_of_the_list(void **state)
{
	static const struct {
		uint32_t in[6];
		size_t in_len;
		uint32_t want[8];
		size_t want_len;
	} table[] = {
		/* Given up: 105 to 109, 120, 130 to 139. */
		{ { 105 }, 1, { 0 }, 0 },
		{ { 104 }, 1, { 104 }, 1 },
		{ { RANGE | 105, 109 }, 2, { 0 }, 0 },
		{ { RANGE | 104, 109 }, 2, { 104 }, 1 },
		{ { RANGE | 105, 110 }, 2, { 110 }, 1 },
		{ { RANGE | 101, 111 }, 2, { RANGE | 101, 104, RANGE | 110, 111 }, 4 },
		{ { RANGE | 106, 125 }, 2, { RANGE | 110, 119, RANGE | 121, 125 }, 4 },
		{ { 101, RANGE | 105, 107, 108, RANGE | 119, 121 }, 6, { 101, 119, 121 }, 3 },
		{ { RANGE | 90, 150 },
		  2,
		  { RANGE | 90, 104, RANGE | 110, 119, RANGE | 121, 129, RANGE | 140, 150 },
		  8 },
		{ { 120, RANGE | 130, 139 }, 3, { 0 }, 0 },
		{ { RANGE | 140, 141 }, 2, { RANGE | 140, 141 }, 2 },
	};
	static const uint32_t base[] = { 0, 0x7fffff80, 0x7fffff97, 0x40000000 };

	(void)state;
	/* The same around the wrap of the sequence numbers. */
	for (size_t b = 0; b < sizeof(base) / sizeof(*base); b++) {
		for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
			struct srtnak f;
			uint32_t in[6], want[8], out[16];

			srtnak_init(&f);
			for (uint32_t s = 100; s < 142; s++)
				if (!((s >= 105 && s <= 109) || s == 120 || (s >= 130 && s <= 139)))
					release(&f, seq31_add(base[b], s));
			assert_int_equal(f.given_up, 16);
			for (size_t k = 0; k < table[i].in_len; k++)
				in[k] = (table[i].in[k] & RANGE) |
					seq31_add(base[b], table[i].in[k] & ~RANGE);
			for (size_t k = 0; k < table[i].want_len; k++)
				want[k] = (table[i].want[k] & RANGE) |
					  seq31_add(base[b], table[i].want[k] & ~RANGE);
			assert_int_equal(nak(&f, in, table[i].in_len, out, 16), table[i].want_len);
			assert_memory_equal(out, want, table[i].want_len * 4);
			assert_int_equal(f.swallowed, !table[i].want_len);
		}
	}
}

static void forgets_what_the_receiver_has_passed(void **state)
{
	struct srtnak f;
	uint32_t out[4], in[] = { 11, 21 };

	(void)state;
	srtnak_init(&f);
	release(&f, 10);
	release(&f, 13); /* 11, 12 */
	release(&f, 20);
	release(&f, 23); /* 14 to 19, 21, 22 */
	assert_int_equal(f.count, 3);
	acknowledge(&f, 11);
	assert_int_equal(f.count, 3);
	acknowledge(&f, 12);
	assert_false(srtnak_contains(&f, 11));
	assert_true(srtnak_contains(&f, 12));
	acknowledge(&f, 20);
	assert_int_equal(f.count, 1);
	assert_int_equal(nak(&f, in, 2, out, 4), 1);
	assert_int_equal(out[0], 11);
	/* An old one changes nothing, one from the future neither. */
	acknowledge(&f, 5);
	acknowledge(&f, 1000);
	assert_int_equal(f.count, 1);
	acknowledge(&f, 24);
	assert_int_equal(f.count, 0);
}

static void a_gap_that_is_not_the_bonds_stays_open(void **state)
{
	struct srtnak f;
	uint32_t in[] = { RANGE | 11, 12 }, out[4];

	(void)state;
	srtnak_init(&f);
	release_flagged(&f, 10, false, false);
	release_flagged(&f, 13, false, false);
	assert_int_equal(f.given_up, 0);
	assert_int_equal(nak(&f, in, 2, out, 4), 2);
}

static void a_retransmission_that_comes_through_leaves_the_set(void **state)
{
	struct srtnak f;

	(void)state;
	srtnak_init(&f);
	release(&f, 10);
	release(&f, 20);
	release_flagged(&f, 15, true, false);
	assert_true(srtnak_contains(&f, 14));
	assert_false(srtnak_contains(&f, 15));
	assert_true(srtnak_contains(&f, 16));
	release_flagged(&f, 11, true, false);
	release_flagged(&f, 19, true, false);
	release_flagged(&f, 14, true, false);
	assert_false(srtnak_contains(&f, 11));
	assert_true(srtnak_contains(&f, 12));
	assert_true(srtnak_contains(&f, 13));
	assert_false(srtnak_contains(&f, 14));
	assert_true(srtnak_contains(&f, 18));
	assert_false(srtnak_contains(&f, 19));
	/* It does not count as progress of the stream. */
	release_flagged(&f, 40, true, false);
	assert_int_equal(f.next, 21);
}

static void stays_bounded_when_every_second_packet_is_given_up(void **state)
{
	struct srtnak f;

	(void)state;
	srtnak_init(&f);
	for (uint32_t s = 0; s < 100000; s += 2) {
		release(&f, seq31_add(0x7fffff00, s));
		assert_true(f.count <= SRTNAK_RANGES);
	}
	assert_int_equal(f.given_up, 49999);
	assert_true(f.merged > 0);
	/* Nothing that was given up got lost on the way. */
	for (uint32_t s = 1; s < 99998; s += 2)
		assert_true(srtnak_contains(&f, seq31_add(0x7fffff00, s)));
	acknowledge(&f, seq31_add(0x7fffff00, 99999));
	assert_int_equal(f.count, 0);
}

static void a_new_connection_starts_anew(void **state)
{
	struct srtnak f;
	uint8_t conclusion[64] = { 0x80 };
	struct writer w = writer_of(conclusion + 16, 48);

	(void)state;
	writer_u32(&w, 5);
	writer_u32(&w, 0);
	writer_u32(&w, 500); /* first sequence number */
	writer_u32(&w, 1500);
	writer_u32(&w, 8192);
	writer_u32(&w, 0xffffffff);
	writer_u32(&w, 99); /* socket */
	srtnak_init(&f);
	srtnak_toward_receiver(&f, conclusion, sizeof(conclusion), false);
	/* The first packets never arrived: known thanks to the handshake. */
	release(&f, 503);
	assert_int_equal(f.given_up, 3);
	/* The same conclusion again, late. */
	srtnak_toward_receiver(&f, conclusion, sizeof(conclusion), false);
	assert_int_equal(f.count, 1);
	conclusion[16 + 27] = 100;
	srtnak_toward_receiver(&f, conclusion, sizeof(conclusion), false);
	assert_int_equal(f.count, 0);
	/* A jump that no outage explains. */
	release(&f, 500);
	release(&f, 500 + SRTNAK_JUMP_MAX + 2);
	assert_int_equal(f.count, 0);
	assert_int_equal(f.given_up, 3);
}

static void swallows_a_nak_that_is_none_and_passes_all_else(void **state)
{
	struct srtnak f;
	uint8_t packet[24] = { 0x80, 3 }, out[24];

	(void)state;
	srtnak_init(&f);
	packet[16] = 0x80; /* first of a range whose last is smaller */
	packet[19] = 9;
	packet[23] = 4;
	assert_int_equal(srtnak_toward_sender(&f, packet, 24, out, sizeof(out)), 0);
	assert_int_equal(f.malformed, 1);
	packet[1] = 6;
	assert_int_equal(srtnak_toward_sender(&f, packet, 24, out, sizeof(out)), 24);
	assert_memory_equal(packet, out, 24);
	assert_int_equal(srtnak_toward_sender(&f, packet, 24, out, 23), 0);
	assert_int_equal(srtnak_toward_sender(&f, packet, 3, out, 23), 3);
	assert_int_equal(srtnak_toward_sender(&f, packet, 0, out, 23), 0);
	packet[0] = 0;
	assert_int_equal(srtnak_toward_sender(&f, packet, 24, out, sizeof(out)), 24);
}

/* A stream with random losses against a plain set, from before to behind the wrap. */
static void agrees_with_a_model(void **state)
{
	enum { STREAM = 6000 };
	struct rng rng = rng_of(11);

	(void)state;
	for (int run = 0; run < 40; run++) {
		bool gone[STREAM] = { false };
		uint32_t base =
			seq31_add(0x7fffffff, (uint32_t)rng_below(&rng, 3000) + 0x7fffe000u);
		uint32_t s = 0, acked = 0;
		struct srtnak f;

		srtnak_init(&f);
		release(&f, seq31_add(base, s++));
		while (s < STREAM - 40) {
			uint32_t in[80], out[400];
			size_t n = 0, words;
			bool want[STREAM] = { false };
			uint32_t at;

			if (rng_chance(&rng, 100000)) {
				uint32_t lost = 1 + (uint32_t)rng_below(&rng, 30);

				for (; lost--; s++)
					gone[s] = true;
			}
			release(&f, seq31_add(base, s++));
			if (rng_chance(&rng, 50000)) {
				acked += (uint32_t)rng_below(&rng, s - acked + 1);
				acknowledge(&f, seq31_add(base, acked));
			}
			at = acked;
			while (n < 70 && rng_chance(&rng, 800000)) {
				uint32_t first, last;

				at += (uint32_t)rng_below(&rng, 40);
				first = at;
				at += (uint32_t)rng_below(&rng, 20);
				last = at++;
				if (at >= s)
					break;
				if (first == last) {
					in[n++] = seq31_add(base, first);
				} else {
					in[n++] = RANGE | seq31_add(base, first);
					in[n++] = seq31_add(base, last);
				}
				for (uint32_t i = first; i <= last; i++)
					want[i] = !gone[i];
			}
			if (!n)
				continue;
			words = nak(&f, in, n, out, 400);
			for (size_t i = 0; i < words; i++) {
				uint32_t first = out[i] & ~RANGE, last;

				last = out[i] & RANGE ? out[++i] : first;
				for (; seq31_diff(first, last) <= 0; first = seq31_add(first, 1)) {
					int32_t k = seq31_diff(first, base);

					assert_true(k >= 0 && k < STREAM && want[k]);
					want[k] = false;
				}
			}
			for (uint32_t i = 0; i < s; i++)
				assert_false(want[i]);
		}
		assert_int_equal(f.merged, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_given_up_packets_out_of_the_list),
		cmocka_unit_test(forgets_what_the_receiver_has_passed),
		cmocka_unit_test(a_gap_that_is_not_the_bonds_stays_open),
		cmocka_unit_test(a_retransmission_that_comes_through_leaves_the_set),
		cmocka_unit_test(stays_bounded_when_every_second_packet_is_given_up),
		cmocka_unit_test(a_new_connection_starts_anew),
		cmocka_unit_test(swallows_a_nak_that_is_none_and_passes_all_else),
		cmocka_unit_test(agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
