#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/rng.h"
#include "wire/srthdr.h"

/* The clear SRT header, its classes, and what is kept away from libsrt. */

static size_t control(uint8_t *out, unsigned type, unsigned subtype, const uint8_t *body,
		      size_t len)
{
	struct writer w = writer_of(out, SRTHDR_PACKET_MAX + 100);

	writer_u32(&w, 0x80000000u | type << 16 | subtype);
	writer_u32(&w, 7);
	writer_u32(&w, 1000);
	writer_u32(&w, 0x11223344);
	writer_bytes(&w, body, len);
	assert_false(w.failed);
	return writer_len(&w);
}

static bool sane(unsigned type, unsigned subtype, const uint8_t *body, size_t len)
{
	uint8_t packet[SRTHDR_PACKET_MAX + 100];
	size_t n = control(packet, type, subtype, body, len);
	uint8_t *exact = malloc(n);
	bool result;

	memcpy(exact, packet, n);
	result = srthdr_is_sane(exact, n);
	free(exact);
	return result;
}

static void reads_every_field_of_a_data_header(void **state)
{
	/* seq 0x12345678 | PP 11, O 0, KK 01, R 1, msgno 0x2abcdef | time | destination | 2 bytes
	 */
	static const uint8_t packet[] = { 0x12, 0x34, 0x56, 0x78, 0xce, 0xab, 0xcd, 0xef, 0,
					  0,	1,    0,    0xa,  0xb,	0xc,  0xd,  0x47, 0x01 };
	struct srthdr h;

	(void)state;
	assert_int_equal(srthdr_decode(packet, sizeof(packet), &h), 1);
	assert_false(h.is_control);
	assert_int_equal(h.seq, 0x12345678);
	assert_int_equal(h.position, 3);
	assert_false(h.in_order);
	assert_int_equal(h.key, 1);
	assert_true(h.retransmitted);
	assert_int_equal(h.msgno, 0x2abcdef);
	assert_int_equal(h.time_usec, 256);
	assert_int_equal(h.destination, 0x0a0b0c0d);
	assert_int_equal(h.body_len, 2);
	assert_ptr_equal(h.body, packet + 16);
	assert_int_equal(srthdr_kind(&h), SRTHDR_KIND_DATA);
	for (size_t len = 0; len < SRTHDR_BYTES; len++)
		assert_int_equal(srthdr_decode(packet, len, &h), 0);
	assert_true(srthdr_is_sane(packet, sizeof(packet)));
	assert_false(srthdr_is_sane(packet, 16));
}

static void sorts_packets_by_urgency(void **state)
{
	static const struct {
		unsigned type;
		enum srthdr_kind kind;
	} table[] = {
		{ SRTHDR_HANDSHAKE, SRTHDR_KIND_URGENT }, { SRTHDR_KEEPALIVE, SRTHDR_KIND_CONTROL },
		{ SRTHDR_ACK, SRTHDR_KIND_CONTROL },	  { SRTHDR_NAK, SRTHDR_KIND_URGENT },
		{ SRTHDR_SHUTDOWN, SRTHDR_KIND_URGENT },  { SRTHDR_ACKACK, SRTHDR_KIND_CONTROL },
		{ SRTHDR_DROPREQ, SRTHDR_KIND_CONTROL },  { SRTHDR_USER, SRTHDR_KIND_URGENT },
		{ 0x1234, SRTHDR_KIND_CONTROL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		uint8_t packet[2000];
		size_t len = control(packet, table[i].type, 0, NULL, 0);
		struct srthdr h;

		assert_int_equal(srthdr_decode(packet, len, &h), 1);
		assert_true(h.is_control);
		assert_int_equal(h.type, table[i].type);
		assert_int_equal(h.info, 7);
		assert_int_equal(srthdr_kind(&h), table[i].kind);
	}
}

static void takes_control_bodies_of_the_right_length_only(void **state)
{
	static const uint8_t zero[100];

	(void)state;
	for (size_t len = 0; len < 100; len++) {
		assert_int_equal(sane(SRTHDR_ACK, 0, zero, len),
				 len >= 4 && len <= 32 && !(len % 4));
		assert_int_equal(sane(SRTHDR_NAK, 0, zero, len), len && !(len % 4));
		assert_int_equal(sane(SRTHDR_DROPREQ, 0, zero, len), len == 8);
		assert_int_equal(sane(SRTHDR_KEEPALIVE, 0, zero, len), len <= 16);
		assert_int_equal(sane(SRTHDR_SHUTDOWN, 0, zero, len), len <= 16);
		assert_int_equal(sane(SRTHDR_ACKACK, 0, zero, len), len <= 16);
		assert_int_equal(sane(SRTHDR_USER, SRTHDR_EXT_HSREQ, zero, len), len == 12);
		assert_int_equal(sane(SRTHDR_USER, SRTHDR_EXT_KMRSP, zero, len), len == 4);
		assert_false(sane(SRTHDR_USER, 0, zero, len));
		assert_false(sane(SRTHDR_USER, SRTHDR_EXT_STREAMID, zero, len));
		assert_false(sane(9, 0, zero, len));
		assert_false(sane(0x7ffe, 0, zero, len));
	}
}

static void takes_ranges_the_right_way_round_only(void **state)
{
	static const struct {
		uint8_t body[16];
		size_t len;
		bool sane;
	} nak[] = {
		{ { 0, 0, 0, 5 }, 4, true },
		{ { 0x80, 0, 0, 5, 0, 0, 0, 9 }, 8, true },
		{ { 0x80, 0, 0, 5, 0, 0, 0, 5 }, 8, true },
		{ { 0x80, 0, 0, 5, 0, 0, 0, 4 }, 8, false },
		{ { 0x80, 0, 0, 5, 0x80, 0, 0, 9 }, 8, false },
		{ { 0x80, 0, 0, 5 }, 4, false },
		{ { 0, 0, 0, 1, 0x80, 0, 0, 5 }, 8, false },
		{ { 0, 0, 0, 1, 0x80, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 9 }, 16, true },
		{ { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2 }, 8, true }, /* across the wrap */
	};
	static const struct {
		uint8_t body[8];
		bool sane;
	} drop[] = {
		{ { 0, 0, 0, 5, 0, 0, 0, 9 }, true },
		{ { 0, 0, 0, 9, 0, 0, 0, 5 }, false },
		{ { 0x80, 0, 0, 5, 0, 0, 0, 9 }, false },
		{ { 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1 }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nak) / sizeof(*nak); i++)
		assert_int_equal(sane(SRTHDR_NAK, 0, nak[i].body, nak[i].len), nak[i].sane);
	for (size_t i = 0; i < sizeof(drop) / sizeof(*drop); i++)
		assert_int_equal(sane(SRTHDR_DROPREQ, 0, drop[i].body, 8), drop[i].sane);
}

/* A conclusion with its fields; @blocks behind it. */
static size_t handshake(uint8_t *out, uint32_t version, uint32_t seq, uint32_t mss, int32_t request,
			const uint8_t *blocks, size_t len)
{
	struct writer w = writer_of(out, 2000);

	writer_u32(&w, version);
	writer_u32(&w, 5);
	writer_u32(&w, seq);
	writer_u32(&w, mss);
	writer_u32(&w, 8192);
	writer_u32(&w, (uint32_t)request);
	writer_u32(&w, 0x77);
	for (int i = 0; i < 5; i++)
		writer_u32(&w, 0);
	writer_bytes(&w, blocks, len);
	assert_false(w.failed);
	return writer_len(&w);
}

static void takes_handshakes_within_their_limits(void **state)
{
	static const struct {
		uint32_t version, seq, mss;
		int32_t request;
		bool sane;
	} table[] = {
		{ 5, 1, 1500, -1, true },     { 4, 1, 1500, 1, true },
		{ 5, 1, 1500, 0, true },      { 5, 1, 1500, -2, true },
		{ 5, 1, 1500, 1001, true },   { 5, 1, 1500, 2, false },
		{ 5, 1, 1500, -4, false },    { 3, 1, 1500, -1, false },
		{ 6, 1, 1500, -1, false },    { 5, 0x80000000, 1500, -1, false },
		{ 5, 1, 575, -1, false },     { 5, 1, 576, -1, true },
		{ 5, 1, 0x10000, -1, false }, { 5, 1, 0, -1, false },
	};
	uint8_t body[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t len = handshake(body, table[i].version, table[i].seq, table[i].mss,
				       table[i].request, NULL, 0);

		assert_int_equal(len, 48);
		assert_int_equal(sane(SRTHDR_HANDSHAKE, 0, body, len), table[i].sane);
		for (size_t cut = 0; cut < len; cut++)
			assert_false(sane(SRTHDR_HANDSHAKE, 0, body, cut));
	}
}

/* Type, words, then that many words of zero; the key material is filled in. */
static size_t block(uint8_t *out, unsigned type, size_t len)
{
	static const uint8_t km[] = { 0x12, 0x20, 0x29, 1, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 4, 4 };
	struct writer w = writer_of(out, 2000);

	writer_u16(&w, (uint16_t)type);
	writer_u16(&w, (uint16_t)(len / 4));
	memset(writer_room(&w, len), 0, len);
	if (type == SRTHDR_EXT_KMREQ && len >= sizeof(km))
		memcpy(out + 4, km, sizeof(km));
	return writer_len(&w);
}

static void takes_extension_blocks_of_the_right_length_only(void **state)
{
	static const struct {
		unsigned type;
		size_t len;
		bool sane;
	} table[] = {
		{ SRTHDR_EXT_HSREQ, 12, true },
		{ SRTHDR_EXT_HSREQ, 8, false },
		{ SRTHDR_EXT_HSRSP, 12, true },
		{ SRTHDR_EXT_HSRSP, 16, false },
		{ SRTHDR_EXT_KMREQ, 56, true },
		{ SRTHDR_EXT_KMREQ, 52, false },
		{ SRTHDR_EXT_KMREQ, 60, false },
		{ SRTHDR_EXT_KMREQ, 1200, false },
		{ SRTHDR_EXT_KMREQ, 0, false },
		{ SRTHDR_EXT_KMRSP, 4, true },
		{ SRTHDR_EXT_KMRSP, 56, false },
		{ SRTHDR_EXT_STREAMID, 512, true },
		{ SRTHDR_EXT_STREAMID, 516, false },
		{ SRTHDR_EXT_CONGESTION, 4, true },
		{ SRTHDR_EXT_CONGESTION, 20, false },
		{ SRTHDR_EXT_GROUP, 8, true },
		{ SRTHDR_EXT_GROUP, 4, false },
		{ SRTHDR_EXT_GROUP, 12, false },
		{ 99, 40, true },
	};
	uint8_t blocks[2000], body[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = block(blocks, table[i].type, table[i].len), len;

		/* Behind a good block, so that the place of the bad one is not the first. */
		n += block(blocks + n, SRTHDR_EXT_HSREQ, 12);
		len = handshake(body, 5, 1, 1500, -1, blocks, n);
		assert_int_equal(sane(SRTHDR_HANDSHAKE, 0, body, len), table[i].sane);
		/* A block that says more than there is. */
		assert_false(sane(SRTHDR_HANDSHAKE, 0, body, len - 4));
		assert_false(sane(SRTHDR_HANDSHAKE, 0, body, len - 1));
		/* No blocks in an induction, and none in version 4. */
		len = handshake(body, 5, 1, 1500, 1, blocks, n);
		assert_false(sane(SRTHDR_HANDSHAKE, 0, body, len));
		len = handshake(body, 4, 1, 1500, -1, blocks, n);
		assert_false(sane(SRTHDR_HANDSHAKE, 0, body, len));
	}
}

static void takes_key_material_of_exactly_its_own_length(void **state)
{
	static const uint8_t head[] = { 0x12, 0x20, 0x29, 1, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 4, 4 };
	uint8_t km[200] = { 0 };

	(void)state;
	for (unsigned words = 4; words <= 8; words += 2) {
		for (unsigned keys = 1; keys <= 3; keys++) {
			size_t want = 16 + 16 + 8 + (size_t)words * 4 * (keys == 3 ? 2 : 1);

			memcpy(km, head, sizeof(head));
			km[3] = (uint8_t)keys;
			km[15] = (uint8_t)words;
			for (size_t len = 0; len <= sizeof(km); len++)
				assert_int_equal(sane(SRTHDR_USER, SRTHDR_EXT_KMREQ, km, len),
						 len == want);
		}
	}
	memcpy(km, head, sizeof(head));
	km[14] = 5;
	assert_false(sane(SRTHDR_USER, SRTHDR_EXT_KMREQ, km, 60));
	km[14] = 4;
	assert_true(sane(SRTHDR_USER, SRTHDR_EXT_KMREQ, km, 56));
	km[3] = 0;
	assert_false(sane(SRTHDR_USER, SRTHDR_EXT_KMREQ, km, 56));
}

static void refuses_what_is_longer_than_a_packet(void **state)
{
	uint8_t packet[SRTHDR_PACKET_MAX + 1] = { 0 };

	(void)state;
	packet[15] = 1;
	assert_true(srthdr_is_sane(packet, SRTHDR_PACKET_MAX));
	assert_false(srthdr_is_sane(packet, SRTHDR_PACKET_MAX + 1));
	packet[15] = 0;
	assert_false(srthdr_is_sane(packet, SRTHDR_PACKET_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_field_of_a_data_header),
		cmocka_unit_test(sorts_packets_by_urgency),
		cmocka_unit_test(takes_control_bodies_of_the_right_length_only),
		cmocka_unit_test(takes_ranges_the_right_way_round_only),
		cmocka_unit_test(takes_handshakes_within_their_limits),
		cmocka_unit_test(takes_extension_blocks_of_the_right_length_only),
		cmocka_unit_test(takes_key_material_of_exactly_its_own_length),
		cmocka_unit_test(refuses_what_is_longer_than_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
