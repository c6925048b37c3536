#include "fuzz/fuzz.h"

#include <string.h>

#include "workers/rtmp/chunk.h"

/*
 * Input: a byte that says in what pieces to feed the rest, a byte for the chunk size, then a chunk
 * stream. In one piece or in many, the messages are the same; and what was read can be written and
 * read again.
 */
#define MESSAGE_MAX 5000

static uint64_t digest(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ p[i]) * UINT64_C(1099511628211);
	return sum;
}

static void check_again(const struct chunk_message *m)
{
	struct chunk_writer w;
	struct chunk_reader r;
	struct chunk_message got;
	struct buffer out;
	struct cursor c;

	chunk_writer_init(&w);
	chunk_reader_init(&r, MESSAGE_MAX);
	buffer_init(&out, 1 << 16);
	FUZZ_CHECK(!chunk_write(&w, &out, 3, m));
	c = cursor_of(buffer_data(&out), buffer_len(&out));
	FUZZ_CHECK(chunk_read(&r, &c, &got) == 1);
	FUZZ_CHECK(got.timestamp == m->timestamp && got.type == m->type && got.len == m->len &&
		   got.stream_id == m->stream_id);
	FUZZ_CHECK(!m->len || !memcmp(got.data, m->data, m->len));
	chunk_reader_deinit(&r);
	buffer_deinit(&out);
}

static uint64_t read_all(const uint8_t *data, size_t size, uint32_t chunk_size, size_t piece)
{
	struct chunk_reader r;
	struct buffer in;
	uint64_t sum = 0;
	size_t at = 0;
	int k = 0;

	chunk_reader_init(&r, MESSAGE_MAX);
	buffer_init(&in, 1 << 20);
	(void)chunk_reader_resize(&r, chunk_size + 1);
	while (k >= 0 && at < size) {
		size_t n = size - at < piece ? size - at : piece;

		FUZZ_CHECK(!buffer_append(&in, data + at, n));
		at += n;
		do {
			struct cursor c = cursor_of(buffer_data(&in), buffer_len(&in));
			struct chunk_message m;

			k = chunk_read(&r, &c, &m);
			buffer_consume(&in, buffer_len(&in) - (size_t)(c.end - c.next));
			FUZZ_CHECK(r.held <= 2 * MESSAGE_MAX);
			if (k == 1) {
				sum = digest(sum, &m.timestamp, sizeof(m.timestamp));
				sum = digest(sum, &m.type, sizeof(m.type));
				sum = digest(sum, m.data, m.len);
				check_again(&m);
			}
		} while (k == 1);
		FUZZ_CHECK(k < 0 || buffer_len(&in) < CHUNK_HEADER_MAX);
	}
	sum += (uint64_t)(k < 0);
	chunk_reader_deinit(&r);
	buffer_deinit(&in);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 20000)
		return 0;
	FUZZ_CHECK(read_all(data + 2, size - 2, data[1], size) ==
		   read_all(data + 2, size - 2, data[1], data[0] % 64 + 1u));
	return 0;
}
