#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/rng.h"
#include "wire/nullts.h"
#include "wire/srthdr.h"
#include "wire/srtmedia.h"

/* SRT packets over the bond: the same bytes come out, and as few as can be go over. */

#define PP 0xc0000000u

static size_t srt_packet(uint8_t *packet, uint32_t seq, uint32_t message, uint32_t time,
			 const uint8_t *body, size_t len)
{
	struct writer w = writer_of(packet, SRTHDR_PACKET_MAX);

	writer_u32(&w, seq);
	writer_u32(&w, message);
	writer_u32(&w, time);
	writer_u32(&w, 0x11223344);
	writer_bytes(&w, body, len);
	assert_false(w.failed);
	return writer_len(&w);
}

/* Through and back; returns what crossed. */
static size_t comes_back(const uint8_t *packet, size_t len, uint32_t seq, uint32_t time,
			 uint8_t *media)
{
	uint8_t back[SRTHDR_PACKET_MAX], *exact;
	size_t n = srtmedia_pack(packet, len, seq, time, media);

	assert_in_range(n, 1, len);
	exact = malloc(n);
	memcpy(exact, media, n);
	assert_int_equal(srtmedia_unpack(exact, n, seq, time, back, len - 1), 0);
	assert_int_equal(srtmedia_unpack(exact, n, seq, time, back, sizeof(back)), len);
	assert_memory_equal(back, packet, len);
	free(exact);
	return n;
}

static void a_live_stream_has_one_header(void **state)
{
	/* All of it wraps: 31 bits, 26 bits, 32 bits. */
	const uint32_t first = SRTHDR_SEQ_MAX - 500, began = UINT32_MAX - 1000000;
	uint8_t packet[SRTHDR_PACKET_MAX], media[SRTHDR_PACKET_MAX], usual[SRTHDR_BYTES];
	uint8_t body[1316];
	unsigned others = 0;

	(void)state;
	memset(body, 0x47, sizeof(body));
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t message = (0x3ffffff - 2000 + i) & 0x3ffffff, time = i * 1234;
		size_t len = srt_packet(packet, (first + i) & SRTHDR_SEQ_MAX, PP | message,
					began + time, body, sizeof(body));
		size_t n = comes_back(packet, len, UINT32_MAX - 100 + i, time + 777, media);

		assert_int_equal(n, len);
		if (!i)
			memcpy(usual, media, sizeof(usual));
		others += memcmp(media, usual, sizeof(usual)) != 0;
	}
	assert_int_equal(others, 0);
}

static void flags_and_odd_fields_survive(void **state)
{
	struct rng rng = rng_of(3);
	uint8_t packet[SRTHDR_PACKET_MAX], media[SRTHDR_PACKET_MAX], body[1400];

	(void)state;
	for (unsigned round = 0; round < 50000; round++) {
		uint32_t message = (uint32_t)rng_u64(&rng);
		size_t len = rng_below(&rng, 9) * NULLTS_PACKET_BYTES + rng_below(&rng, 3);
		bool invalid;

		if (len > sizeof(body))
			len = 1 + rng_below(&rng, 40);
		for (size_t i = 0; i < len; i++)
			body[i] = (uint8_t)rng_u64(&rng);
		len = srt_packet(packet, (uint32_t)rng_u64(&rng), message, (uint32_t)rng_u64(&rng),
				 body, len);
		invalid = !(packet[0] & 0x80) && (message >> 27 & 3) == 3;
		if (invalid)
			assert_int_equal(srtmedia_pack(packet, len, 1, 2, media), 0);
		else
			(void)comes_back(packet, len, (uint32_t)rng_u64(&rng),
					 (uint32_t)rng_u64(&rng), media);
	}
}

static void null_packets_cost_a_bit_each(void **state)
{
	uint8_t packet[SRTHDR_PACKET_MAX], media[SRTHDR_PACKET_MAX], body[1316],
		usual[SRTHDR_BYTES];
	size_t len;

	(void)state;
	memset(body, 0xff, sizeof(body));
	for (size_t i = 0; i < sizeof(body); i += NULLTS_PACKET_BYTES)
		memcpy(body + i, "\x47\x1f\xff\x10", 4);
	len = srt_packet(packet, 5, PP, 9, body, sizeof(body));
	assert_int_equal(comes_back(packet, len, 0, 0, media), SRTHDR_BYTES + 1);
	memcpy(usual, media, sizeof(usual));
	body[2 * NULLTS_PACKET_BYTES + 1] = 0; /* another PID */
	len = srt_packet(packet, 6, PP | 1, 10, body, sizeof(body));
	assert_int_equal(comes_back(packet, len, 1, 1, media),
			 SRTHDR_BYTES + 1 + NULLTS_PACKET_BYTES);
	assert_memory_equal(media, usual, sizeof(usual));
	/* Encrypted, the same bytes are not null packets. */
	len = srt_packet(packet, 5, PP | 1u << 27, 9, body, sizeof(body));
	assert_int_equal(comes_back(packet, len, 0, 0, media), len);
}

static void a_length_like_that_of_packed_ones_is_told_apart(void **state)
{
	uint8_t packet[SRTHDR_PACKET_MAX], media[SRTHDR_PACKET_MAX], body[1317];
	size_t len;

	(void)state;
	memset(body, 0x80, sizeof(body));
	for (size_t n = 1; n <= sizeof(body); n += NULLTS_PACKET_BYTES) {
		len = srt_packet(packet, 5, PP, 9, body, n);
		assert_int_equal(comes_back(packet, len, 3, 4, media), len);
	}
}

static void what_is_malformed_is_refused(void **state)
{
	static uint8_t media[SRTHDR_PACKET_MAX + 100], out[SRTHDR_PACKET_MAX + 100];

	(void)state;
	for (size_t len = 0; len < SRTHDR_BYTES; len++) {
		assert_int_equal(srtmedia_pack(media, len, 1, 1, out), 0);
		assert_int_equal(srtmedia_unpack(media, len, 1, 1, out, sizeof(out)), 0);
	}
	assert_int_equal(srtmedia_unpack(media, 17, 1, 1, out, sizeof(out)), 0); /* no packet */
	media[16] = 0x01; /* one behind the last */
	assert_int_equal(srtmedia_unpack(media, 17, 1, 1, out, sizeof(out)), 0);
	media[16] = 0xff;
	assert_int_equal(srtmedia_unpack(media, 17, 1, 1, out, SRTHDR_PACKET_MAX), 0);
	assert_int_equal(srtmedia_unpack(media, 17, 1, 1, out, 16 + 8 * 188), 16 + 8 * 188);
	assert_int_equal(srtmedia_unpack(media, 1473, 1, 1, out, SRTHDR_PACKET_MAX), 0);
	assert_int_equal(srtmedia_unpack(media, 20, 1, 1, out, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_live_stream_has_one_header),
		cmocka_unit_test(flags_and_odd_fields_survive),
		cmocka_unit_test(null_packets_cost_a_bit_each),
		cmocka_unit_test(a_length_like_that_of_packed_ones_is_told_apart),
		cmocka_unit_test(what_is_malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
