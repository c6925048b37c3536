#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "stream/importance.h"

/* The class of a media packet of several packets of MPEG-TS: that of the most important one. */

#define VIDEO 0x100
#define AUDIO 0x102

static uint8_t continuity[TS_PIDS];

/* One letter per packet: t table, a sound, K P b the start of a picture, . more of it, 0 null. */
static size_t packets(uint8_t *out, const char *letters)
{
	static const struct {
		char letter;
		uint8_t nal;
	} pictures[] = { { 'K', 0x65 }, { 'P', 0x41 }, { 'b', 0x01 } };
	size_t n = 0;

	for (; *letters; letters++, n++) {
		uint8_t *packet = out + n * TS_PACKET_BYTES;
		uint16_t pid = *letters == 'a'	 ? AUDIO
			       : *letters == '0' ? TS_PID_NULL
			       : *letters == 't' ? 0
						 : VIDEO;

		memset(packet, 0xff, TS_PACKET_BYTES);
		packet[0] = TS_SYNC;
		packet[1] = (uint8_t)(pid >> 8);
		packet[2] = (uint8_t)pid;
		packet[3] = (uint8_t)(0x10 | (continuity[pid]++ & 15));
		for (size_t i = 0; i < 3; i++)
			if (pictures[i].letter == *letters) {
				packet[1] |= 0x40;
				memcpy(packet + 4,
				       (const uint8_t[]){ 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 1,
							  pictures[i].nal, 0x88, 0x80 },
				       15);
			}
	}
	return n * TS_PACKET_BYTES;
}

static void send_table(struct importance *importance, uint16_t pid, const uint8_t *section,
		       size_t len)
{
	uint8_t packet[TS_PACKET_BYTES];
	uint32_t crc = psi_crc(section, len);

	memset(packet, 0xff, sizeof(packet));
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)(0x40 | pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = (uint8_t)(0x10 | (continuity[pid]++ & 15));
	packet[4] = 0;
	memcpy(packet + 5, section, len);
	for (size_t i = 0; i < 4; i++)
		packet[5 + len + i] = (uint8_t)(crc >> (24 - 8 * i));
	assert_int_equal(importance_of(importance, packet, sizeof(packet)), WIRE_CLASS_TABLES);
}

static struct importance *importance_new(void)
{
	const uint8_t pat[] = { 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0 },
		      pmt[] = { 2, 0xb0, 23,   0, 1,	0xc1, 0,    0,	  0xe1, 0,    0xf0,
				0, 0x1b, 0xe1, 0, 0xf0, 0,    0x0f, 0xe1, 2,	0xf0, 0 };
	struct importance *importance = malloc(sizeof(*importance));

	assert_non_null(importance);
	memset(continuity, 0, sizeof(continuity));
	importance_init(importance);
	send_table(importance, 0, pat, sizeof(pat));
	send_table(importance, 0x1000, pmt, sizeof(pmt));
	return importance;
}

static void the_most_important_packet_counts(void **state)
{
	static const struct {
		const char *letters;
		enum wire_class class;
	} table[] = {
		{ "b......", WIRE_CLASS_DISPOSABLE },
		{ ".......", WIRE_CLASS_DISPOSABLE }, /* goes on */
		{ "...P...", WIRE_CLASS_REFERENCE },
		{ "...b...", WIRE_CLASS_REFERENCE },
		{ "....a..", WIRE_CLASS_TABLES },
		{ "t", WIRE_CLASS_TABLES },
		{ "...K...", WIRE_CLASS_TABLES },
		{ "....", WIRE_CLASS_TABLES },
		{ "P......", WIRE_CLASS_REFERENCE },
		{ "0000000", WIRE_CLASS_DISPOSABLE },
	};
	struct importance *importance = importance_new();
	uint8_t data[7 * TS_PACKET_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t len = packets(data, table[i].letters);

		if (importance_of(importance, data, len) != table[i].class)
			fail_msg("%zu: %s", i, table[i].letters);
	}
	free(importance);
}

static void what_is_no_mpeg_ts_may_be_needed(void **state)
{
	struct importance *importance = importance_new();
	uint8_t data[2 * TS_PACKET_BYTES] = { 0 };

	(void)state;
	assert_int_equal(importance_of(importance, data, 0), WIRE_CLASS_REFERENCE);
	assert_int_equal(importance_of(importance, data, 100), WIRE_CLASS_REFERENCE);
	assert_int_equal(importance_of(importance, data, sizeof(data)), WIRE_CLASS_REFERENCE);
	free(importance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_important_packet_counts),
		cmocka_unit_test(what_is_no_mpeg_ts_may_be_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
