#include "wire/rehearse.h"

#include <string.h>

#include "base/cursor.h"

bool rehearse_is(const uint8_t *data, size_t len)
{
	return len && data[0] == WIRE_REHEARSAL;
}

bool rehearse_decode(const uint8_t *data, size_t len, enum rehearse_kind *ret_kind,
		     uint32_t *ret_id)
{
	struct cursor in = cursor_of(data, len);
	uint8_t mark = cursor_u8(&in), kind = cursor_u8(&in);
	uint32_t id = cursor_u32(&in);

	if (in.failed || mark != WIRE_REHEARSAL || kind > REHEARSE_REPORT)
		return false;
	*ret_kind = (enum rehearse_kind)kind;
	*ret_id = id;
	return true;
}

static void rehearse_header(struct writer *out, enum rehearse_kind kind, uint32_t id)
{
	writer_u8(out, WIRE_REHEARSAL);
	writer_u8(out, (uint8_t)kind);
	writer_u32(out, id);
}

void rehearse_media(uint8_t *data, size_t len, uint32_t id, struct rng *rng)
{
	struct writer out = writer_of(data, len);

	rehearse_header(&out, REHEARSE_MEDIA, id);
	while (writer_left(&out)) {
		uint64_t word = rng_u64(rng);

		writer_bytes(&out, &word,
			     writer_left(&out) < sizeof(word) ? writer_left(&out) : sizeof(word));
	}
}

void rehearse_ask(uint8_t *data, uint32_t id)
{
	struct writer out = writer_of(data, REHEARSE_HEADER_BYTES);

	rehearse_header(&out, REHEARSE_ASK, id);
}

size_t rehearse_report_encode(uint8_t *data, uint32_t id, const struct rehearse_report *report)
{
	struct writer out = writer_of(data, REHEARSE_REPORT_MAX);

	rehearse_header(&out, REHEARSE_REPORT, id);
	writer_varint(&out, report->packets);
	writer_varint(&out, report->lost);
	writer_u8(&out, HISTOGRAM_BUCKETS);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		writer_varint(&out, report->delays.bucket[i]);
	return writer_len(&out);
}

bool rehearse_report_decode(const uint8_t *data, size_t len, struct rehearse_report *ret_report)
{
	struct cursor in = cursor_of(data, len);
	struct rehearse_report report = { 0 };
	unsigned buckets;

	(void)cursor_bytes(&in, REHEARSE_HEADER_BYTES);
	report.packets = cursor_varint(&in);
	report.lost = cursor_varint(&in);
	buckets = cursor_u8(&in);
	for (unsigned i = 0; i < buckets && !in.failed; i++) {
		uint64_t count = cursor_varint(&in);

		if (i >= HISTOGRAM_BUCKETS || count > UINT32_MAX)
			return false;
		report.delays.bucket[i] = (uint32_t)count;
		report.delays.total += count;
	}
	if (in.failed)
		return false;
	*ret_report = report;
	return true;
}
