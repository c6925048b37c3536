#include "stream/chunk.h"

#include <assert.h>
#include <string.h>

void chunk_init(struct chunk *chunk)
{
	ts_init(&chunk->ts);
	chunk_clear(chunk);
}

void chunk_clear(struct chunk *chunk)
{
	chunk->len = 0;
	chunk->class = WIRE_CLASS_DISPOSABLE;
}

bool chunk_add(struct chunk *chunk, const uint8_t packet[static TS_PACKET_BYTES], usec_t captured,
	       usec_t now)
{
	struct ts_info info;
	uint8_t class = WIRE_CLASS_REFERENCE;

	assert(chunk->len < CHUNK_BYTES);
	if (ts_read(&chunk->ts, packet, &info))
		class = info.kind == TS_KIND_NULL ? WIRE_CLASS_DISPOSABLE : info.class;
	if (class < chunk->class)
		chunk->class = class;
	if (!chunk->len)
		chunk->began = now;
	memcpy(chunk->data + chunk->len, packet, TS_PACKET_BYTES);
	chunk->len += TS_PACKET_BYTES;
	chunk->came = now;
	chunk->captured = captured;
	return chunk->len == CHUNK_BYTES;
}

usec_t chunk_due_at(const struct chunk *chunk)
{
	return chunk->len ? chunk->began + CHUNK_WAIT_MAX : USEC_NEVER;
}

bool chunk_is_sane(const uint8_t *data, size_t len)
{
	if (!len || len > CHUNK_BYTES || len % TS_PACKET_BYTES)
		return false;
	for (size_t i = 0; i < len; i += TS_PACKET_BYTES)
		if (data[i] != TS_SYNC)
			return false;
	return true;
}
