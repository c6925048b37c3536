#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "wire/frame.h"

/* Frames: whatever is written is read back, whatever is cut or out of range is refused. */

#define ROUNDS 20000

static uint64_t random_varint(struct rng *rng)
{
	return rng_u64(rng) >> (1 + rng_below(rng, 63));
}

static void ack_random(struct rng *rng, struct frame_ack *ack)
{
	uint64_t last = (UINT64_C(1) << 40) + rng_below(rng, UINT64_C(1) << 33);
	uint64_t number = last;

	*ack = (struct frame_ack){
		.path_id = (uint8_t)rng_below(rng, WIRE_PATHS_MAX),
		.delay_usec = (uint32_t)rng_below(rng, 1 << 20) * WIRE_ACK_DELAY_UNIT_USEC,
		.received_usec = (uint32_t)rng_u64(rng),
		.ranges = 1 + (unsigned)rng_below(rng, WIRE_ACK_RANGES_MAX),
		.times = (unsigned)rng_below(rng, WIRE_ACK_TIMES_MAX + 1),
	};
	for (unsigned i = 0; i < ack->ranges; i++) {
		ack->range[i].last = last;
		ack->range[i].first = last - rng_below(rng, 1000);
		last = ack->range[i].first - 2 - rng_below(rng, 300);
	}
	for (unsigned i = 0; i < ack->times; i++) {
		number -= 1 + rng_below(rng, 200);
		ack->time[i].number = number;
		ack->time[i].before_usec =
			((int32_t)rng_below(rng, 20000) - 1000) * WIRE_ACK_TIME_UNIT_USEC;
	}
	if (rng_chance(rng, 300000)) {
		ack->ect = random_varint(rng);
		ack->ce = random_varint(rng);
	}
}

static void ack_equal(const struct frame_ack *a, const struct frame_ack *b)
{
	assert_int_equal(a->path_id, b->path_id);
	assert_int_equal(a->delay_usec, b->delay_usec);
	assert_int_equal(a->received_usec, b->received_usec);
	assert_int_equal(a->ranges, b->ranges);
	assert_int_equal(a->times, b->times);
	for (unsigned i = 0; i < a->ranges; i++) {
		assert_true(a->range[i].first == b->range[i].first);
		assert_true(a->range[i].last == b->range[i].last);
	}
	for (unsigned i = 0; i < a->times; i++) {
		assert_true(a->time[i].number == b->time[i].number);
		assert_int_equal(a->time[i].before_usec, b->time[i].before_usec);
	}
	assert_true(a->ect == b->ect && a->ce == b->ce);
}

static void reads_back_every_ack(void **state)
{
	struct rng rng = rng_of(1);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t buffer[1400];
		uint64_t expected[WIRE_PATHS_MAX] = { 0 };
		struct writer w = writer_of(buffer, sizeof(buffer));
		struct frame_ack ack;
		struct frame frame;
		struct cursor in;

		ack_random(&rng, &ack);
		expected[ack.path_id] = ack.range[0].last + rng_below(&rng, 1 << 30);
		assert_true(frame_encode_ack(&w, &ack));
		in = cursor_of(buffer, writer_len(&w));
		assert_int_equal(frame_decode(&in, expected, &frame), 1);
		assert_int_equal(frame.type, WIRE_FRAME_ACK);
		ack_equal(&frame.ack, &ack);
		assert_int_equal(frame_decode(&in, expected, &frame), 0);
	}
}

static void an_ack_takes_what_room_there_is(void **state)
{
	struct rng rng = rng_of(2);

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct frame_ack ack;
		bool fitted = false;
		unsigned ranges = 0;

		ack_random(&rng, &ack);
		for (size_t room = 0; room < 400; room++) {
			uint8_t *buffer = malloc(room ? room : 1);
			uint64_t expected[WIRE_PATHS_MAX] = { 0 };
			struct writer w = writer_of(buffer, room);
			struct frame frame;
			struct cursor in;

			expected[ack.path_id] = ack.range[0].last;
			if (!frame_encode_ack(&w, &ack)) {
				assert_false(fitted);
				assert_int_equal(writer_len(&w), 0);
				assert_false(w.failed);
				free(buffer);
				continue;
			}
			fitted = true;
			in = cursor_of(buffer, writer_len(&w));
			assert_int_equal(frame_decode(&in, expected, &frame), 1);
			assert_int_equal(cursor_left(&in), 0);
			assert_true(frame.ack.ranges >= ranges);
			assert_true(frame.ack.ect == ack.ect && frame.ack.ce == ack.ce);
			ranges = frame.ack.ranges;
			free(buffer);
		}
		assert_true(fitted);
	}
}

/* One of each kind but padding and data, which have no length of their own. */
static size_t encode_one(struct rng *rng, int kind, uint8_t *buffer, size_t size)
{
	static const uint8_t bytes[64] = { 1, 2, 3 };
	struct writer w = writer_of(buffer, size);
	struct frame_ack ack;
	bool done = false;

	ack_random(rng, &ack);
	switch (kind) {
	case 0:
		done = frame_encode_ping(&w);
		break;
	case 1:
		done = frame_encode_ack(&w, &ack);
		break;
	case 2:
		done = frame_encode_control(
			&w, &(struct frame_control){ .id = (uint32_t)rng_u64(rng),
						     .data = bytes,
						     .len = (uint16_t)rng_below(rng, 64) });
		break;
	case 3:
		done = frame_encode_report(
			&w, &(struct frame_report){ .next_seq = rng_u64(rng) >> 24,
						    .delivered = random_varint(rng),
						    .lost = random_varint(rng),
						    .late = random_varint(rng),
						    .duplicate = random_varint(rng),
						    .slack_usec = (uint32_t)rng_u64(rng) });
		break;
	case 4:
		done = frame_encode_path_status(
			&w, &(struct frame_path_status){ .path_id = 14,
							 .status = WIRE_PATH_LEAVING,
							 .generation = (uint32_t)rng_u64(rng) });
		break;
	case 5:
		done = frame_encode_close(&w, &(struct frame_close){ WIRE_CLOSE_REPLACED });
		break;
	}
	assert_true(done);
	return writer_len(&w);
}

static void refuses_every_frame_that_is_cut(void **state)
{
	struct rng rng = rng_of(3);

	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		for (int round = 0; round < 200; round++) {
			uint8_t whole[1400];
			size_t len = encode_one(&rng, kind, whole, sizeof(whole));

			for (size_t cut = 0; cut <= len; cut++) {
				uint8_t *part = malloc(cut ? cut : 1);
				struct cursor in = cursor_of(part, cut);
				uint64_t expected[WIRE_PATHS_MAX];
				struct frame frame;
				int want = cut == len ? 1 : cut ? -1 : 0;

				for (int i = 0; i < WIRE_PATHS_MAX; i++)
					expected[i] = UINT64_C(1) << 40;
				memcpy(part, whole, cut);
				assert_int_equal(frame_decode(&in, expected, &frame), want);
				free(part);
			}
		}
	}
}

/* @len bytes in all, of which up to WIRE_PREFIX_MAX are the prefix. */
static struct frame_data data_random(struct rng *rng, const uint8_t *bytes, int len)
{
	struct frame_data data = { .form = rng_below(rng, 3),
				   .phase = (unsigned)rng_below(rng, 2),
				   .seq = (uint32_t)rng_u64(rng),
				   .time = (uint32_t)rng_u64(rng),
				   .prefix = bytes,
				   .prefix_len = (uint8_t)rng_below(rng, WIRE_PREFIX_MAX + 1) };

	if (data.prefix_len > len)
		data.prefix_len = (uint8_t)len;
	if (data.form == FRAME_DATA_COMPACT) {
		data.seq &= (1u << WIRE_COMPACT_SEQ_BITS) - 1;
		data.time &= (1u << WIRE_COMPACT_TIME_BITS) - 1;
		data.prefix_len = 0;
	}
	if (data.form == FRAME_DATA_PLAIN)
		data.phase = 0;
	data.data = bytes + data.prefix_len;
	data.len = (uint16_t)(len - data.prefix_len);
	return data;
}

static void reads_back_data_of_every_form_and_length(void **state)
{
	static uint8_t bytes[WIRE_MEDIA_MAX + 1];
	struct rng rng = rng_of(4);

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rng_u64(&rng);
	for (int len = 0; len <= WIRE_MEDIA_MAX + 1; len++) {
		uint8_t buffer[WIRE_DATAGRAM_MAX + 10];
		struct writer w = writer_of(buffer, sizeof(buffer));
		struct frame_data data = data_random(&rng, bytes, len);
		struct frame frame;
		struct cursor in;

		if (len > WIRE_MEDIA_MAX) {
			assert_false(frame_encode_data(&w, &data));
			continue;
		}
		assert_true(frame_encode_data(&w, &data));
		assert_true(writer_len(&w) + WIRE_LONG_BYTES + WIRE_TAG_BYTES <= WIRE_DATAGRAM_MAX);
		in = cursor_of(buffer, writer_len(&w));
		assert_int_equal(frame_decode(&in, NULL, &frame), 1);
		assert_int_equal(frame.type, WIRE_FRAME_DATA);
		assert_int_equal(frame.data.form, data.form);
		assert_int_equal(frame.data.phase, data.phase);
		assert_int_equal(frame.data.seq, data.seq);
		assert_int_equal(frame.data.time, data.time);
		assert_int_equal(frame.data.prefix_len, data.prefix_len);
		assert_memory_equal(frame.data.prefix, bytes, data.prefix_len);
		assert_int_equal(frame.data.len, data.len);
		assert_memory_equal(frame.data.data, data.data, data.len);
	}
}

static void refuses_media_longer_than_any_datagram_carries(void **state)
{
	static uint8_t data[WIRE_DATA_BYTES + WIRE_MEDIA_MAX + 1] = { WIRE_FRAME_DATA };
	static uint8_t control[4 + WIRE_MEDIA_MAX + 1] = { WIRE_FRAME_CONTROL, 0 };
	struct frame frame;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct cursor in = cursor_of(data, WIRE_DATA_BYTES + WIRE_MEDIA_MAX + more);

		assert_int_equal(frame_decode(&in, NULL, &frame), more ? -1 : 1);
		control[2] = (WIRE_MEDIA_MAX + more) >> 8;
		control[3] = (WIRE_MEDIA_MAX + more) & 0xff;
		in = cursor_of(control, sizeof(control));
		assert_int_equal(frame_decode(&in, NULL, &frame), more ? -1 : 1);
	}
}

static void several_frames_follow_each_other(void **state)
{
	uint8_t buffer[300];
	struct writer w = writer_of(buffer, sizeof(buffer));
	struct frame_control control = { .id = 7, .data = (const uint8_t *)"hello", .len = 5 };
	struct frame frame;
	struct cursor in;

	(void)state;
	assert_true(frame_encode_ping(&w));
	assert_true(frame_encode_control(&w, &control));
	assert_true(frame_encode_padding(&w, 20));
	in = cursor_of(buffer, writer_len(&w));
	assert_int_equal(frame_decode(&in, NULL, &frame), 1);
	assert_int_equal(frame.type, WIRE_FRAME_PING);
	assert_int_equal(frame_decode(&in, NULL, &frame), 1);
	assert_int_equal(frame.type, WIRE_FRAME_CONTROL);
	assert_int_equal(frame.control.id, 7);
	assert_memory_equal(frame.control.data, "hello", 5);
	assert_int_equal(frame_decode(&in, NULL, &frame), 1);
	assert_int_equal(frame.type, WIRE_FRAME_PADDING);
	assert_int_equal(frame_decode(&in, NULL, &frame), 0);
}

static void refuses_values_out_of_their_range(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[24];
		size_t len;
	} table[] = {
		{ "padding that is not zero", { 0x00, 0, 0, 1 }, 4 },
		{ "unknown type", { 0x08 }, 1 },
		{ "type above data", { 0x20, 0, 0, 0, 0, 0, 0 }, 7 },
		{ "a third phase", { 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10 },
		{ "a plain packet with a phase", { 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10 },
		{ "a prefix longer than the datagram", { 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1 }, 11 },
		{ "compact and cut", { 0x80, 0, 0, 0 }, 4 },
		{ "ack of path 15", { 0x02, 15, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0 }, 14 },
		{ "first range below zero", { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 10 }, 14 },
		{ "gap below zero", { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 8, 0 }, 16 },
		{ "second range below zero",
		  { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8 },
		  16 },
		{ "33 ranges", { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 32, 0, 0 }, 14 },
		{ "17 times", { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 17, 0 }, 14 },
		{ "a time below packet zero",
		  { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 0, 9, 0 },
		  16 },
		{ "delay above 32 bits",
		  { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0x82, 0x80, 0x80, 0x80, 0, 0, 0, 0 },
		  18 },
		{ "status 3", { 0x04, 0, 3, 0 }, 4 },
		{ "status of path 15", { 0x04, 15, 0, 0 }, 4 },
		{ "generation above 32 bits", { 0x04, 0, 0, 0x90, 0x80, 0x80, 0x80, 0 }, 8 },
		{ "close reason 3", { 0x06, 3 }, 2 },
		{ "control id above 32 bits", { 0x07, 0x90, 0x80, 0x80, 0x80, 0, 0, 0 }, 8 },
		{ "control longer than the datagram", { 0x07, 0, 0, 2, 1 }, 5 },
		{ "varint of ten bytes",
		  { 0x07, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0 },
		  13 },
	};
	/* The neighbours that are allowed, so that the table fails for the reason it names. */
	static const struct {
		uint8_t bytes[24];
		size_t len;
	} good[] = {
		{ { 0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10 },
		{ { 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2 }, 12 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff }, 5 },
		{ { 0x02, 14, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 9 }, 14 },
		{ { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 7, 0 }, 16 },
		{ { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7 }, 16 },
		{ { 0x02, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0 }, 16 },
		{ { 0x04, 14, 2, 0 }, 4 },
		{ { 0x04, 0, 0, 0x8f, 0xff, 0xff, 0xff, 0x7f }, 8 },
	};
	struct frame frame, untouched;

	(void)state;
	memset(&frame, 0x5a, sizeof(frame));
	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct cursor in = cursor_of(table[i].bytes, table[i].len);

		if (frame_decode(&in, NULL, &frame) != -1)
			fail_msg("%s was taken", table[i].what);
		assert_memory_equal(&frame, &untouched, sizeof(frame));
		assert_int_equal(frame_decode(&in, NULL, &frame), -1);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct cursor in = cursor_of(good[i].bytes, good[i].len);

		assert_int_equal(frame_decode(&in, NULL, &frame), 1);
	}
}

static void refuses_a_prefix_longer_than_any_anchor_holds(void **state)
{
	uint8_t data[WIRE_DATA_BYTES + WIRE_PREFIX_MAX + 1] = { WIRE_FRAME_ANCHOR };
	struct frame frame;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct cursor in = cursor_of(data, sizeof(data));

		data[WIRE_DATA_BYTES - 1] = (uint8_t)(WIRE_PREFIX_MAX + more);
		assert_int_equal(frame_decode(&in, NULL, &frame), more ? -1 : 1);
	}
}

/* The bytes themselves, so that both ends cannot be wrong in the same way unnoticed. */
static void an_ack_has_the_bytes_of_the_specification(void **state)
{
	static const uint8_t want[] = { 0x02, 3,    0x00, 0x00, 0x01, 0x00, 0x12,
					0x34, 0x56, 0x78, 0x81, 0x00, 1,    2,
					0x02, 0x01, 0x00, 0x00, 0x04, 0x01, 0x05 };
	struct frame_ack ack = { .path_id = 3,
				 .received_usec = 0x12345678,
				 .delay_usec = 1024,
				 .ranges = 2,
				 .range = { { 0xfe, 0x100 }, { 0xfb, 0xfb } },
				 .times = 2 };
	uint8_t buffer[64];
	struct writer w = writer_of(buffer, sizeof(buffer));

	(void)state;
	ack.time[0].number = 0xff;
	ack.time[0].before_usec = 128;
	ack.time[1].number = 0xfd;
	ack.time[1].before_usec = -64;
	assert_true(frame_encode_ack(&w, &ack));
	assert_int_equal(writer_len(&w), sizeof(want));
	assert_memory_equal(buffer, want, sizeof(want));
}

static void headers_read_back(void **state)
{
	struct rng rng = rng_of(5);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t buffer[WIRE_LONG_BYTES + WIRE_TAG_BYTES] = { 0 };
		struct wire_header out = { .is_long = round & 1,
					   .phase = round >> 1 & 1,
					   .path_id = (uint8_t)rng_below(&rng, WIRE_PATHS_MAX),
					   .bond_id = (uint32_t)rng_u64(&rng),
					   .number = (uint32_t)rng_u64(&rng) };
		size_t len = wire_header_encode(&out, buffer);
		struct wire_header in;

		assert_int_equal(len, out.is_long ? WIRE_LONG_BYTES : WIRE_SHORT_BYTES);
		assert_int_equal(wire_header_decode(buffer, len + WIRE_TAG_BYTES - 1, &in), 0);
		assert_int_equal(wire_header_decode(buffer, len + WIRE_TAG_BYTES, &in), 1);
		assert_int_equal(in.len, len);
		assert_int_equal(in.is_long, out.is_long);
		assert_int_equal(in.phase, out.phase);
		assert_int_equal(in.path_id, out.path_id);
		assert_int_equal(in.number_bits, out.is_long ? 32 : 16);
		assert_int_equal(in.number, out.is_long ? out.number : out.number & 0xffff);
		if (out.is_long)
			assert_int_equal(in.bond_id, out.bond_id);
	}
}

static void only_the_sealed_range_of_first_bytes_is_a_header(void **state)
{
	uint8_t buffer[64] = { 0 };
	struct wire_header header;

	(void)state;
	for (int first = 0; first < 256; first++) {
		int sealed = first >= 0xc0 && (first & 0x0f) < WIRE_PATHS_MAX;

		buffer[0] = (uint8_t)first;
		assert_int_equal(wire_header_decode(buffer, sizeof(buffer), &header), sealed);
	}
	assert_int_equal(wire_header_decode(NULL, 0, &header), 0);
}

static void asks_for_an_acknowledgement_only_where_it_helps(void **state)
{
	(void)state;
	assert_false(frame_is_eliciting(WIRE_FRAME_PADDING));
	assert_false(frame_is_eliciting(WIRE_FRAME_ACK));
	assert_false(frame_is_eliciting(WIRE_FRAME_ACK_ECN));
	assert_false(frame_is_eliciting(WIRE_FRAME_REPORT));
	assert_true(frame_is_eliciting(WIRE_FRAME_PING));
	assert_true(frame_is_eliciting(WIRE_FRAME_PATH_STATUS));
	assert_true(frame_is_eliciting(WIRE_FRAME_CLOSE));
	assert_true(frame_is_eliciting(WIRE_FRAME_CONTROL));
	assert_true(frame_is_eliciting(WIRE_FRAME_DATA));
	assert_true(frame_is_eliciting(0x15));
}

static void any_bytes_end_in_bounded_work(void **state)
{
	struct rng rng = rng_of(6);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t len = (size_t)rng_below(&rng, 80);
		uint8_t *bytes = malloc(len ? len : 1);
		struct cursor in = cursor_of(bytes, len);
		struct frame frame;
		size_t frames = 0;

		for (size_t i = 0; i < len; i++)
			bytes[i] = rng_chance(&rng, 700000) ? (uint8_t)rng_below(&rng, 0x18)
							    : (uint8_t)rng_u64(&rng);
		while (frame_decode(&in, NULL, &frame) > 0)
			assert_true(++frames <= len);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_every_ack),
		cmocka_unit_test(an_ack_takes_what_room_there_is),
		cmocka_unit_test(an_ack_has_the_bytes_of_the_specification),
		cmocka_unit_test(refuses_every_frame_that_is_cut),
		cmocka_unit_test(reads_back_data_of_every_form_and_length),
		cmocka_unit_test(refuses_media_longer_than_any_datagram_carries),
		cmocka_unit_test(several_frames_follow_each_other),
		cmocka_unit_test(refuses_values_out_of_their_range),
		cmocka_unit_test(refuses_a_prefix_longer_than_any_anchor_holds),
		cmocka_unit_test(headers_read_back),
		cmocka_unit_test(only_the_sealed_range_of_first_bytes_is_a_header),
		cmocka_unit_test(asks_for_an_acknowledgement_only_where_it_helps),
		cmocka_unit_test(any_bytes_end_in_bounded_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
