#include "stream/chunk.h"

#include <string.h>

#include "unit/test.h"

#define NOW	(5 * USEC_PER_SEC)
#define CAPTURE (4 * USEC_PER_SEC)

static void packet_of(uint8_t packet[TS_PACKET_BYTES], uint16_t pid, uint8_t fill)
{
	memset(packet, fill, TS_PACKET_BYTES);
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)(pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = 0x10;
}

static void seven_packets_make_a_full_one(void **state)
{
	static struct chunk chunk;
	uint8_t packet[TS_PACKET_BYTES];

	(void)state;
	chunk_init(&chunk);
	assert_int_equal(chunk_due_at(&chunk), USEC_NEVER);
	for (unsigned i = 0; i < CHUNK_PACKETS; i++) {
		packet_of(packet, 0x100, (uint8_t)i);
		assert_int_equal(chunk_add(&chunk, packet, CAPTURE + i, NOW + i),
				 i == CHUNK_PACKETS - 1);
		assert_memory_equal(chunk.data + i * TS_PACKET_BYTES, packet, TS_PACKET_BYTES);
	}
	assert_int_equal(chunk.len, CHUNK_BYTES);
	assert_int_equal(chunk.captured, CAPTURE + CHUNK_PACKETS - 1);
	assert_true(chunk_is_sane(chunk.data, chunk.len));
	chunk_clear(&chunk);
	assert_int_equal(chunk.len, 0);
}

static void a_single_packet_waits_no_longer_than_it_may(void **state)
{
	static struct chunk chunk;
	uint8_t packet[TS_PACKET_BYTES];

	(void)state;
	chunk_init(&chunk);
	packet_of(packet, 0x100, 1);
	assert_false(chunk_add(&chunk, packet, CAPTURE, NOW));
	assert_false(chunk_add(&chunk, packet, CAPTURE + 1, NOW + 3 * USEC_PER_MS));
	assert_int_equal(chunk_due_at(&chunk), NOW + CHUNK_WAIT_MAX);
	assert_int_equal(chunk.captured, CAPTURE + 1);
	assert_int_equal(chunk.came, NOW + 3 * USEC_PER_MS);
}

static void the_class_is_that_of_the_most_important(void **state)
{
	static struct chunk chunk;
	uint8_t packet[TS_PACKET_BYTES];

	(void)state;
	chunk_init(&chunk);
	packet_of(packet, TS_PID_NULL, 0xff);
	(void)chunk_add(&chunk, packet, NOW, NOW);
	assert_int_equal(chunk.class, WIRE_CLASS_DISPOSABLE);
	packet_of(packet, 0x100, 0);
	(void)chunk_add(&chunk, packet, NOW, NOW);
	assert_int_equal(chunk.class, WIRE_CLASS_REFERENCE);
	packet_of(packet, 0, 0xff); /* the PID of the PAT */
	(void)chunk_add(&chunk, packet, NOW, NOW);
	assert_int_equal(chunk.class, WIRE_CLASS_TABLES);
	packet_of(packet, 0x100, 0);
	(void)chunk_add(&chunk, packet, NOW, NOW);
	assert_int_equal(chunk.class, WIRE_CLASS_TABLES);
	chunk_clear(&chunk);
	(void)chunk_add(&chunk, packet, NOW, NOW);
	assert_int_equal(chunk.class, WIRE_CLASS_REFERENCE);
}

static void only_whole_packets_are_sane(void **state)
{
	uint8_t data[CHUNK_BYTES + TS_PACKET_BYTES];

	(void)state;
	for (unsigned i = 0; i <= CHUNK_PACKETS; i++)
		packet_of(data + i * TS_PACKET_BYTES, 0x100, 0);
	assert_true(chunk_is_sane(data, TS_PACKET_BYTES));
	assert_true(chunk_is_sane(data, CHUNK_BYTES));
	assert_false(chunk_is_sane(data, 0));
	assert_false(chunk_is_sane(data, TS_PACKET_BYTES - 1));
	assert_false(chunk_is_sane(data, CHUNK_BYTES + TS_PACKET_BYTES));
	data[TS_PACKET_BYTES] = 0x46;
	assert_true(chunk_is_sane(data, TS_PACKET_BYTES));
	assert_false(chunk_is_sane(data, 2 * TS_PACKET_BYTES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seven_packets_make_a_full_one),
		cmocka_unit_test(a_single_packet_waits_no_longer_than_it_may),
		cmocka_unit_test(the_class_is_that_of_the_most_important),
		cmocka_unit_test(only_whole_packets_are_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
