#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A first-in, first-out run of bytes that grows as needed up to a bound. What is in it is always
 * contiguous. The memory is kept until the end: a session reaches its working size once.
 */
struct buffer {
	uint8_t *data;
	size_t begin; /* the first byte not yet consumed */
	size_t end;
	size_t size; /* allocated */
	size_t max;  /* what it may hold at most, bytes */
};

void buffer_init(struct buffer *b, size_t max);
void buffer_deinit(struct buffer *b);
/* @len more bytes at the end, which the caller fills at once; NULL beyond the bound or when there
 * is no memory. */
uint8_t *buffer_room(struct buffer *b, size_t len);
/* 0, or -ENOBUFS with nothing taken. */
int buffer_append(struct buffer *b, const void *data, size_t len);
/* Forgets the first @len bytes; at most buffer_len(). */
void buffer_consume(struct buffer *b, size_t len);

static inline size_t buffer_len(const struct buffer *b)
{
	return b->end - b->begin;
}

static inline const uint8_t *buffer_data(const struct buffer *b)
{
	return b->data ? b->data + b->begin : NULL;
}

static inline void buffer_clear(struct buffer *b)
{
	b->begin = b->end = 0;
}
