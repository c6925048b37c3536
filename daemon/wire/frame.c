#include "wire/frame.h"

#include <assert.h>

#include "base/seq.h"

/*
 * Frames, byte by byte as include/uplinkd/wire.h has them.
 *
 * Decoding fills a frame on the stack from a cursor and looks once, at the end, whether the
 * cursor failed; a value out of its range is treated like a missing byte. So there is one way out
 * of every decoder, and a refused frame leaves *ret_frame untouched.
 *
 * Encoding writes through a copy of the writer and commits it at the end, so that a frame that
 * does not fit leaves no trace.
 *
 * An ACK is the one frame that adapts to the room there is: first its fixed part and the newest
 * range, then further ranges (they prevent needless retransmission), then arrival times (they only
 * refine the estimates).
 */

#define REPORT_SEQ_BYTES 5

static void frame_require(struct cursor *in, bool condition)
{
	if (!condition)
		cursor_fail(in);
}

static uint32_t varint_u32(struct cursor *in, uint32_t unit)
{
	uint64_t v = cursor_varint(in);

	frame_require(in, v <= UINT32_MAX / unit);
	return in->failed ? 0 : (uint32_t)v * unit;
}

static uint8_t path_id_of(struct cursor *in)
{
	uint8_t id = cursor_u8(in);

	frame_require(in, id < WIRE_PATHS_MAX);
	return id;
}

static size_t varint_len(uint64_t v)
{
	size_t len = 1;

	while (len < 9 && v >> 7 * len)
		len++;
	return len;
}

/* Signed numbers as varints: 0, -1, 1, -2, ... are 0, 1, 2, 3. */
static uint64_t zigzag(int64_t v)
{
	return v < 0 ? ((uint64_t)(-(v + 1)) << 1 | 1) : (uint64_t)v << 1;
}

static int64_t zigzag_back(uint64_t v)
{
	return v & 1 ? -(int64_t)(v >> 1) - 1 : (int64_t)(v >> 1);
}

/* --- the header of a datagram ---------------------------------------------------------------- */

int wire_header_decode(const uint8_t *data, size_t len, struct wire_header *ret_header)
{
	struct cursor in = cursor_of(data, len);
	uint8_t flags = cursor_u8(&in);
	struct wire_header header = {
		.is_long = flags & 0x20,
		.phase = flags >> 4 & 1,
		.path_id = flags & 0x0f,
	};

	if (in.failed || flags >> 6 != 3 || header.path_id >= WIRE_PATHS_MAX)
		return 0;
	if (header.is_long) {
		header.bond_id = cursor_u32(&in);
		header.number = cursor_u32(&in);
		header.number_bits = 32;
	} else {
		header.number = cursor_u16(&in);
		header.number_bits = 16;
	}
	header.len = header.is_long ? WIRE_LONG_BYTES : WIRE_SHORT_BYTES;
	if (in.failed || cursor_left(&in) < WIRE_TAG_BYTES)
		return 0;
	*ret_header = header;
	return 1;
}

size_t wire_header_encode(const struct wire_header *header, uint8_t *out)
{
	struct writer w = writer_of(out, header->is_long ? WIRE_LONG_BYTES : WIRE_SHORT_BYTES);

	assert(header->path_id < WIRE_PATHS_MAX);
	writer_u8(&w, (uint8_t)(0xc0 | (header->is_long ? 0x20 : 0) | (header->phase & 1) << 4 |
				header->path_id));
	if (header->is_long) {
		writer_u32(&w, header->bond_id);
		writer_u32(&w, header->number);
	} else {
		writer_u16(&w, (uint16_t)header->number);
	}
	return writer_len(&w);
}

/* --- decoding -------------------------------------------------------------------------------- */

static void padding_decode(struct cursor *in)
{
	size_t len = cursor_left(in);
	const uint8_t *p = cursor_bytes(in, len);
	uint8_t any = 0;

	for (size_t i = 0; p && i < len; i++)
		any |= p[i];
	frame_require(in, !any);
}

/* Each range lies below the one before with at least one missing packet between them. */
static void ack_ranges_decode(struct cursor *in, struct frame_ack *ack, uint64_t largest)
{
	uint64_t last = largest;

	for (unsigned i = 0; i < ack->ranges && !in->failed; i++) {
		uint64_t below;

		if (i) {
			uint64_t gap = cursor_varint(in);
			uint64_t first = ack->range[i - 1].first;

			/* gap + 1 missing ones, then at least this range's last. */
			frame_require(in, first >= 2 && gap <= first - 2);
			if (in->failed)
				return;
			last = first - gap - 2;
		}
		below = cursor_varint(in);
		frame_require(in, below <= last);
		if (in->failed)
			return;
		ack->range[i] = (struct frame_range){ .first = last - below, .last = last };
	}
}

static void ack_times_decode(struct cursor *in, struct frame_ack *ack, uint64_t largest)
{
	const int64_t limit = INT32_MAX / WIRE_ACK_TIME_UNIT_USEC;
	uint64_t number = largest;
	int64_t before = 0;

	for (unsigned i = 0; i < ack->times && !in->failed; i++) {
		uint64_t below = cursor_varint(in);
		int64_t step = zigzag_back(cursor_varint(in));

		frame_require(in, number > below && step <= 2 * limit && step >= -2 * limit);
		if (in->failed)
			return;
		number -= below + 1;
		before += step;
		frame_require(in, before <= limit && before >= -limit);
		ack->time[i].number = number;
		ack->time[i].before_usec = (int32_t)(before * WIRE_ACK_TIME_UNIT_USEC);
	}
}

static void ack_decode(struct cursor *in, bool ecn, const uint64_t *expected_number,
		       struct frame_ack *ack)
{
	uint32_t low;
	uint64_t largest;

	ack->path_id = path_id_of(in);
	low = cursor_u32(in);
	ack->received_usec = cursor_u32(in);
	ack->delay_usec = varint_u32(in, WIRE_ACK_DELAY_UNIT_USEC);
	ack->ranges = cursor_u8(in) + 1u;
	ack->times = cursor_u8(in);
	frame_require(in, ack->ranges <= WIRE_ACK_RANGES_MAX && ack->times <= WIRE_ACK_TIMES_MAX);
	if (in->failed)
		return;
	largest = seq_expand(expected_number ? expected_number[ack->path_id] : 0, low, 32);
	ack_ranges_decode(in, ack, largest);
	ack_times_decode(in, ack, largest);
	if (ecn) {
		ack->ect = cursor_varint(in);
		ack->ce = cursor_varint(in);
	}
}

static void data_decode(struct cursor *in, uint8_t type, struct frame_data *data)
{
	data->form = type == WIRE_FRAME_DATA ? FRAME_DATA_PLAIN : FRAME_DATA_ANCHOR;
	data->phase = type & 1;
	data->seq = cursor_u32(in);
	data->time = cursor_u32(in);
	data->prefix_len = cursor_u8(in);
	frame_require(in, cursor_left(in) <= WIRE_MEDIA_MAX && data->prefix_len <= WIRE_PREFIX_MAX);
	data->prefix = cursor_bytes(in, data->prefix_len);
	data->len = (uint16_t)cursor_left(in);
	data->data = cursor_bytes(in, data->len);
}

static void compact_decode(struct cursor *in, uint8_t type, struct frame_data *data)
{
	data->form = FRAME_DATA_COMPACT;
	data->phase = type >> 6 & 1;
	data->time = (uint32_t)(type & 0x3f) << 16 | cursor_u16(in);
	data->seq = cursor_u16(in);
	data->prefix = NULL;
	data->prefix_len = 0;
	frame_require(in, cursor_left(in) <= WIRE_MEDIA_MAX);
	data->len = (uint16_t)cursor_left(in);
	data->data = cursor_bytes(in, data->len);
}

static void parity_decode(struct cursor *in, struct frame_parity *parity)
{
	unsigned packets;

	parity->first = cursor_u32(in);
	packets = cursor_u8(in) + 1u;
	parity->row = cursor_u8(in);
	frame_require(in, packets <= WIRE_PARITY_PACKETS && parity->row < WIRE_PARITY_ROWS);
	parity->packets = (uint8_t)packets;
	frame_require(in,
		      cursor_left(in) >= WIRE_PARITY_HEADER_BYTES &&
			      cursor_left(in) <= WIRE_PARITY_HEADER_BYTES + WIRE_PARITY_MEDIA_MAX);
	parity->len = (uint16_t)cursor_left(in);
	parity->data = cursor_bytes(in, parity->len);
}

static void control_decode(struct cursor *in, struct frame_control *control)
{
	control->id = varint_u32(in, 1);
	control->len = cursor_u16(in);
	frame_require(in, control->len <= WIRE_MEDIA_MAX);
	control->data = cursor_bytes(in, control->len);
}

static void report_decode(struct cursor *in, struct frame_report *report)
{
	report->next_seq = cursor_uint(in, REPORT_SEQ_BYTES);
	report->delivered = cursor_varint(in);
	report->lost = cursor_varint(in);
	report->late = cursor_varint(in);
	report->duplicate = cursor_varint(in);
	report->slack_usec = varint_u32(in, WIRE_SLACK_UNIT_USEC);
}

static void path_status_decode(struct cursor *in, struct frame_path_status *status)
{
	status->path_id = path_id_of(in);
	status->status = cursor_u8(in);
	frame_require(in, status->status <= WIRE_PATH_LEAVING);
	status->generation = varint_u32(in, 1);
}

int frame_decode(struct cursor *in, const uint64_t *expected_number, struct frame *ret_frame)
{
	struct frame frame;
	uint8_t type;

	if (in->failed)
		return -1;
	if (!cursor_left(in))
		return 0;
	type = cursor_u8(in);
	frame.type = type;
	switch (type) {
	case WIRE_FRAME_PADDING:
		padding_decode(in);
		break;
	case WIRE_FRAME_PING:
		break;
	case WIRE_FRAME_ACK:
	case WIRE_FRAME_ACK_ECN:
		frame.ack.ect = frame.ack.ce = 0;
		ack_decode(in, type == WIRE_FRAME_ACK_ECN, expected_number, &frame.ack);
		frame.type = WIRE_FRAME_ACK;
		break;
	case WIRE_FRAME_PATH_STATUS:
		path_status_decode(in, &frame.path_status);
		break;
	case WIRE_FRAME_REPORT:
		report_decode(in, &frame.report);
		break;
	case WIRE_FRAME_CLOSE:
		frame.close.reason = cursor_u8(in);
		frame_require(in, frame.close.reason <= WIRE_CLOSE_REPLACED);
		break;
	case WIRE_FRAME_CONTROL:
		control_decode(in, &frame.control);
		break;
	case WIRE_FRAME_DATA:
	case WIRE_FRAME_ANCHOR:
	case WIRE_FRAME_ANCHOR | 1:
		data_decode(in, type, &frame.data);
		frame.type = WIRE_FRAME_DATA;
		break;
	case WIRE_FRAME_PARITY:
		parity_decode(in, &frame.parity);
		break;
	default:
		frame_require(in, type >= WIRE_FRAME_COMPACT);
		compact_decode(in, type, &frame.data);
		frame.type = WIRE_FRAME_DATA;
		break;
	}
	if (in->failed)
		return -1;
	*ret_frame = frame;
	return 1;
}

/* --- encoding -------------------------------------------------------------------------------- */

static bool writer_commit(struct writer *out, const struct writer *w)
{
	if (w->failed)
		return false;
	*out = *w;
	return true;
}

bool frame_encode_padding(struct writer *out, size_t bytes)
{
	struct writer w = *out;
	uint8_t *p = writer_room(&w, bytes);

	if (p && bytes)
		memset(p, 0, bytes);
	return writer_commit(out, &w);
}

bool frame_encode_ping(struct writer *out)
{
	struct writer w = *out;

	writer_u8(&w, WIRE_FRAME_PING);
	return writer_commit(out, &w);
}

/* Units of time of entry @i, rounded down; @i == -1 stands for the largest itself. */
static int64_t ack_time_units(const struct frame_ack *ack, int i)
{
	int64_t before = i < 0 ? 0 : ack->time[i].before_usec;

	return (before - (before < 0 ? WIRE_ACK_TIME_UNIT_USEC - 1 : 0)) / WIRE_ACK_TIME_UNIT_USEC;
}

static unsigned ack_ranges_encode(struct writer *w, const struct frame_ack *ack, size_t reserved)
{
	unsigned count = 1;

	writer_varint(w, ack->range[0].last - ack->range[0].first);
	for (; count < ack->ranges && count < WIRE_ACK_RANGES_MAX; count++) {
		const struct frame_range *range = &ack->range[count];
		uint64_t gap, length = range->last - range->first;

		assert(range->first <= range->last &&
		       range->last + 2 <= ack->range[count - 1].first);
		gap = ack->range[count - 1].first - range->last - 2;
		if (writer_left(w) < varint_len(gap) + varint_len(length) + reserved)
			break;
		writer_varint(w, gap);
		writer_varint(w, length);
	}
	return count;
}

static unsigned ack_times_encode(struct writer *w, const struct frame_ack *ack, size_t reserved)
{
	uint64_t above = ack->range[0].last;
	unsigned count = 0;

	for (; count < ack->times && count < WIRE_ACK_TIMES_MAX; count++) {
		uint64_t number = ack->time[count].number, below, step;

		assert(number < above);
		below = above - number - 1;
		step = zigzag(ack_time_units(ack, (int)count) -
			      ack_time_units(ack, (int)count - 1));
		if (writer_left(w) < varint_len(below) + varint_len(step) + reserved)
			break;
		writer_varint(w, below);
		writer_varint(w, step);
		above = number;
	}
	return count;
}

bool frame_encode_ack(struct writer *out, const struct frame_ack *ack)
{
	bool ecn = ack->ect || ack->ce;
	size_t reserved = ecn ? varint_len(ack->ect) + varint_len(ack->ce) : 0;
	struct writer w = *out;
	uint8_t *counts;

	assert(ack->path_id < WIRE_PATHS_MAX && ack->ranges);
	assert(ack->range[0].first <= ack->range[0].last);
	writer_u8(&w, ecn ? WIRE_FRAME_ACK_ECN : WIRE_FRAME_ACK);
	writer_u8(&w, ack->path_id);
	writer_u32(&w, (uint32_t)ack->range[0].last);
	writer_u32(&w, ack->received_usec);
	writer_varint(&w, ack->delay_usec / WIRE_ACK_DELAY_UNIT_USEC);
	counts = writer_room(&w, 2);
	if (!counts)
		return false;
	counts[0] = (uint8_t)(ack_ranges_encode(&w, ack, reserved) - 1);
	counts[1] = (uint8_t)ack_times_encode(&w, ack, reserved);
	if (ecn) {
		writer_varint(&w, ack->ect);
		writer_varint(&w, ack->ce);
	}
	return writer_commit(out, &w);
}

bool frame_encode_data(struct writer *out, const struct frame_data *data)
{
	struct writer w = *out;

	if (data->len + data->prefix_len > WIRE_MEDIA_MAX)
		return false;
	assert(data->phase <= 1 && data->prefix_len <= WIRE_PREFIX_MAX);
	switch (data->form) {
	case FRAME_DATA_PLAIN:
	case FRAME_DATA_ANCHOR:
		writer_u8(&w, data->form == FRAME_DATA_PLAIN
				      ? WIRE_FRAME_DATA
				      : (uint8_t)(WIRE_FRAME_ANCHOR | data->phase));
		writer_u32(&w, data->seq);
		writer_u32(&w, data->time);
		writer_u8(&w, data->prefix_len);
		writer_bytes(&w, data->prefix, data->prefix_len);
		break;
	case FRAME_DATA_COMPACT:
		assert(!(data->seq >> WIRE_COMPACT_SEQ_BITS));
		assert(!(data->time >> WIRE_COMPACT_TIME_BITS));
		writer_u8(&w, (uint8_t)(WIRE_FRAME_COMPACT | data->phase << 6 | data->time >> 16));
		writer_u16(&w, (uint16_t)data->time);
		writer_u16(&w, (uint16_t)data->seq);
		break;
	}
	writer_bytes(&w, data->data, data->len);
	return writer_commit(out, &w);
}

bool frame_encode_parity(struct writer *out, const struct frame_parity *parity)
{
	struct writer w = *out;

	assert(parity->packets && parity->packets <= WIRE_PARITY_PACKETS &&
	       parity->row < WIRE_PARITY_ROWS);
	writer_u8(&w, WIRE_FRAME_PARITY);
	writer_u32(&w, parity->first);
	writer_u8(&w, parity->packets - 1);
	writer_u8(&w, parity->row);
	writer_bytes(&w, parity->data, parity->len);
	return writer_commit(out, &w);
}

bool frame_encode_control(struct writer *out, const struct frame_control *control)
{
	struct writer w = *out;

	if (control->len > WIRE_MEDIA_MAX)
		return false;
	writer_u8(&w, WIRE_FRAME_CONTROL);
	writer_varint(&w, control->id);
	writer_u16(&w, control->len);
	writer_bytes(&w, control->data, control->len);
	return writer_commit(out, &w);
}

bool frame_encode_report(struct writer *out, const struct frame_report *report)
{
	struct writer w = *out;

	writer_u8(&w, WIRE_FRAME_REPORT);
	writer_uint(&w, report->next_seq, REPORT_SEQ_BYTES);
	writer_varint(&w, report->delivered);
	writer_varint(&w, report->lost);
	writer_varint(&w, report->late);
	writer_varint(&w, report->duplicate);
	writer_varint(&w, report->slack_usec / WIRE_SLACK_UNIT_USEC);
	return writer_commit(out, &w);
}

bool frame_encode_path_status(struct writer *out, const struct frame_path_status *status)
{
	struct writer w = *out;

	assert(status->path_id < WIRE_PATHS_MAX && status->status <= WIRE_PATH_LEAVING);
	writer_u8(&w, WIRE_FRAME_PATH_STATUS);
	writer_u8(&w, status->path_id);
	writer_u8(&w, status->status);
	writer_varint(&w, status->generation);
	return writer_commit(out, &w);
}

bool frame_encode_close(struct writer *out, const struct frame_close *close)
{
	struct writer w = *out;

	writer_u8(&w, WIRE_FRAME_CLOSE);
	writer_u8(&w, close->reason);
	return writer_commit(out, &w);
}

bool frame_is_eliciting(uint8_t type)
{
	switch (type) {
	case WIRE_FRAME_PADDING:
	case WIRE_FRAME_ACK:
	case WIRE_FRAME_ACK_ECN:
	case WIRE_FRAME_REPORT:
		return false;
	default:
		return true;
	}
}
