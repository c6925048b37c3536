#include "fuzz/fuzz.h"

#include <string.h>

#include "wire/frame.h"

/*
 * Input: 8 bytes (the packet number that acknowledgements are expanded against), then an opened
 * datagram. Every frame that is taken must be one that can be written again, and reads the same
 * then.
 */

static bool write_again(struct writer *w, const struct frame *frame)
{
	switch (frame->type) {
	case WIRE_FRAME_PADDING:
		return frame_encode_padding(w, 1);
	case WIRE_FRAME_PING:
		return frame_encode_ping(w);
	case WIRE_FRAME_ACK:
		return frame_encode_ack(w, &frame->ack);
	case WIRE_FRAME_PATH_STATUS:
		return frame_encode_path_status(w, &frame->path_status);
	case WIRE_FRAME_REPORT:
		return frame_encode_report(w, &frame->report);
	case WIRE_FRAME_CLOSE:
		return frame_encode_close(w, &frame->close);
	case WIRE_FRAME_CONTROL:
		return frame_encode_control(w, &frame->control);
	case WIRE_FRAME_PARITY:
		return frame_encode_parity(w, &frame->parity);
	case WIRE_FRAME_DATA:
		return frame_encode_data(w, &frame->data);
	default:
		return false;
	}
}

static void check_ack(const struct frame_ack *ack)
{
	FUZZ_CHECK(ack->path_id < WIRE_PATHS_MAX);
	FUZZ_CHECK(ack->ranges >= 1 && ack->ranges <= WIRE_ACK_RANGES_MAX);
	FUZZ_CHECK(ack->times <= WIRE_ACK_TIMES_MAX);
	for (unsigned i = 0; i < ack->ranges; i++) {
		FUZZ_CHECK(ack->range[i].first <= ack->range[i].last);
		FUZZ_CHECK(!i || ack->range[i].last + 2 <= ack->range[i - 1].first);
	}
	for (unsigned i = 0; i < ack->times; i++)
		FUZZ_CHECK(ack->time[i].number <
			   (i ? ack->time[i - 1].number : ack->range[0].last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buffer[1 << 16];
	uint64_t expected[WIRE_PATHS_MAX];
	struct cursor in = cursor_of(data, size);
	uint64_t number = cursor_u64(&in);
	struct wire_header header;
	struct frame frame, again;
	size_t frames = 0;
	int r;

	if (wire_header_decode(data, size, &header))
		FUZZ_CHECK(header.len + WIRE_TAG_BYTES <= size && header.path_id < WIRE_PATHS_MAX);
	if (in.failed)
		return 0;
	for (unsigned i = 0; i < WIRE_PATHS_MAX; i++)
		expected[i] = number;
	memset(&frame, 0, sizeof(frame));
	while ((r = frame_decode(&in, expected, &frame)) > 0) {
		struct writer w = writer_of(buffer, sizeof(buffer));
		struct cursor back;

		FUZZ_CHECK(++frames <= size);
		if (frame.type == WIRE_FRAME_ACK)
			check_ack(&frame.ack);
		FUZZ_CHECK(write_again(&w, &frame));
		back = cursor_of(buffer, writer_len(&w));
		memcpy(&again, &frame, sizeof(again));
		FUZZ_CHECK(frame_decode(&back, expected, &again) == 1);
		FUZZ_CHECK(!cursor_left(&back) && again.type == frame.type);
		if (frame.type == WIRE_FRAME_DATA) {
			FUZZ_CHECK(again.data.form == frame.data.form &&
				   again.data.phase == frame.data.phase &&
				   again.data.seq == frame.data.seq &&
				   again.data.time == frame.data.time &&
				   again.data.len == frame.data.len &&
				   again.data.prefix_len == frame.data.prefix_len);
			FUZZ_CHECK(!memcmp(again.data.data, frame.data.data, frame.data.len));
			again.data.data = frame.data.data;
		}
		if (frame.type == WIRE_FRAME_PARITY) {
			FUZZ_CHECK(again.parity.first == frame.parity.first &&
				   again.parity.packets == frame.parity.packets &&
				   again.parity.row == frame.parity.row &&
				   again.parity.len == frame.parity.len);
			FUZZ_CHECK(!memcmp(again.parity.data, frame.parity.data, frame.parity.len));
			again.parity.data = frame.parity.data;
		}
		if (frame.type == WIRE_FRAME_CONTROL) {
			FUZZ_CHECK(again.control.len == frame.control.len);
			FUZZ_CHECK(
				!memcmp(again.control.data, frame.control.data, frame.control.len));
			again.control.data = frame.control.data;
		}
		if (frame.type == WIRE_FRAME_ACK)
			FUZZ_CHECK(again.ack.range[0].last == frame.ack.range[0].last &&
				   again.ack.ranges == frame.ack.ranges &&
				   again.ack.times == frame.ack.times);
	}
	FUZZ_CHECK(r == 0 || in.failed);
	return 0;
}
