#include "workers/rtmp/buffer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE_MIN 4096

void buffer_init(struct buffer *b, size_t max)
{
	*b = (struct buffer){ .max = max };
}

void buffer_deinit(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ 0 };
}

uint8_t *buffer_room(struct buffer *b, size_t len)
{
	size_t held = buffer_len(b);
	uint8_t *p;

	if (len > b->max || held > b->max - len)
		return NULL;
	if (b->size - b->end < len && held + len <= b->size / 2) {
		memmove(b->data, b->data + b->begin, held);
		b->begin = 0;
		b->end = held;
	}
	if (b->size - b->end < len) {
		size_t size = b->size ? b->size : BUFFER_SIZE_MIN;

		while (size < held + len)
			size *= 2;
		if (size == b->size) {
			memmove(b->data, b->data + b->begin, held);
		} else {
			p = malloc(size);
			if (!p)
				return NULL;
			if (held)
				memcpy(p, b->data + b->begin, held);
			free(b->data);
			b->data = p;
			b->size = size;
		}
		b->begin = 0;
		b->end = held;
	}
	p = b->data + b->end;
	b->end += len;
	return p;
}

int buffer_append(struct buffer *b, const void *data, size_t len)
{
	uint8_t *p;

	if (!len)
		return 0;
	p = buffer_room(b, len);
	if (!p)
		return -ENOBUFS;
	memcpy(p, data, len);
	return 0;
}

void buffer_consume(struct buffer *b, size_t len)
{
	assert(len <= buffer_len(b));
	b->begin += len;
	if (b->begin == b->end)
		buffer_clear(b);
}
