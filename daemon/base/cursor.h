#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Bounds-checked reading and writing of bytes, big-endian. A read past the end returns zero and
 * makes the cursor fail for good; so a decoder reads all its fields and asks once, at the end,
 * whether every one of them was there. This is the only way this project touches bytes from
 * outside: a cast of wire memory to a struct is a bug.
 */
struct cursor {
	const uint8_t *next;
	const uint8_t *end;
	bool failed;
};

struct writer {
	uint8_t *begin;
	uint8_t *next;
	uint8_t *end;
	bool failed; /* something did not fit; what was written before it stands */
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
	const uint8_t *p = data;

	return (struct cursor){ .next = p, .end = p ? p + len : p };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->failed ? 0 : (size_t)(c->end - c->next);
}

static inline void cursor_fail(struct cursor *c)
{
	c->failed = true;
	c->next = c->end;
}

/* The next @n bytes, or NULL (and failed) when there are fewer. Valid as long as the buffer. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
	const uint8_t *p = c->next;

	if (c->failed || (size_t)(c->end - c->next) < n) {
		cursor_fail(c);
		return NULL;
	}
	if (n) /* next may be NULL otherwise, and C forbids adding even 0 to that */
		c->next += n;
	return p;
}

static inline uint64_t cursor_uint(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_bytes(c, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)cursor_uint(c, 1);
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	return (uint16_t)cursor_uint(c, 2);
}

static inline uint32_t cursor_u24(struct cursor *c)
{
	return (uint32_t)cursor_uint(c, 3);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	return (uint32_t)cursor_uint(c, 4);
}

static inline uint64_t cursor_u64(struct cursor *c)
{
	return cursor_uint(c, 8);
}

/* Little by little: 7 bits a byte, most significant first, at most 9 bytes (63 bits). */
static inline uint64_t cursor_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (int i = 0; i < 9; i++) {
		uint8_t byte = cursor_u8(c);

		v = v << 7 | (byte & 0x7f);
		if (!(byte & 0x80))
			return c->failed ? 0 : v;
	}
	cursor_fail(c);
	return 0;
}

static inline struct writer writer_of(void *data, size_t size)
{
	uint8_t *p = data;

	return (struct writer){ .begin = p, .next = p, .end = p ? p + size : p };
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->next - w->begin);
}

static inline size_t writer_left(const struct writer *w)
{
	return (size_t)(w->end - w->next);
}

/* Room for @n bytes which the caller fills at once; NULL (and failed) when there is none. */
static inline uint8_t *writer_room(struct writer *w, size_t n)
{
	uint8_t *p = w->next;

	if (w->failed || writer_left(w) < n) {
		w->failed = true;
		return NULL;
	}
	if (n)
		w->next += n;
	return p;
}

static inline void writer_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *p = writer_room(w, n);

	if (p && n)
		memcpy(p, data, n);
}

static inline void writer_uint(struct writer *w, uint64_t v, size_t n)
{
	uint8_t *p = writer_room(w, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
	writer_uint(w, v, 1);
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
	writer_uint(w, v, 2);
}

static inline void writer_u24(struct writer *w, uint32_t v)
{
	writer_uint(w, v, 3);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	writer_uint(w, v, 4);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
	writer_uint(w, v, 8);
}

/* The counterpart of cursor_varint(); @v below 2^63. */
static inline void writer_varint(struct writer *w, uint64_t v)
{
	int groups = 1;

	while (groups < 9 && v >> 7 * groups)
		groups++;
	while (groups-- > 0)
		writer_u8(w, (uint8_t)((v >> 7 * groups & 0x7f) | (groups ? 0x80 : 0)));
}
