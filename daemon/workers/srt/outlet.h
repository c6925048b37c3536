#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * stdout that never makes us wait: what the reader does not take is kept up to a bound; beyond it
 * whole packets are dropped and counted, so that the stream stays aligned.
 */
struct outlet {
	int fd;
	bool waits; /* not a pipe: writing may wait */
	uint8_t *data;
	size_t size, begin, end;
	uint64_t bytes; /* written */
	uint64_t dropped;
	bool stalled; /* something was dropped since the last complete flush */
};

/* 0 or -errno. */
int outlet_open(struct outlet *outlet, size_t size);
void outlet_close(struct outlet *outlet);
/* Room for @count bytes in a row, to be told by outlet_added(); NULL: none (then outlet_drop()). */
uint8_t *outlet_room(struct outlet *outlet, size_t count);
void outlet_added(struct outlet *outlet, size_t count);
void outlet_drop(struct outlet *outlet, size_t count);
/* Writes what can be written. 0, 1: something is left; -errno (-EPIPE: the reader is gone). */
int outlet_flush(struct outlet *outlet);
