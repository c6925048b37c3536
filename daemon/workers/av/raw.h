#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The newest bytes of a stream, by their place in it: one thread appends, another one reads what it
 * finds it needs. The oldest are overwritten.
 */
struct raw;

/* NULL: out of memory. */
struct raw *raw_new(size_t bytes);
struct raw *raw_free(struct raw *raw);

void raw_append(struct raw *raw, const uint8_t *data, size_t len);
/* Copies up to @len bytes from the place @position on. How many; 0: they have not come yet;
 * -ERANGE: they are overwritten. */
long raw_read(struct raw *raw, uint64_t position, uint8_t *data, size_t len);
