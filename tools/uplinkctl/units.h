#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Numbers for people, in at most UNITS_MAX - 1 characters.
 */
#define UNITS_MAX 24

void units_rate(uint64_t bps, char text[UNITS_MAX]);	    /* "3.70 Mb/s" */
void units_bytes(uint64_t bytes, char text[UNITS_MAX]);	    /* "123 MB" */
void units_size(uint64_t bytes, char text[UNITS_MAX]);	    /* "1.50 GiB", as settings count */
void units_delay(uint64_t usec, char text[UNITS_MAX]);	    /* "10.4 ms" */
void units_span(uint64_t usec, char text[UNITS_MAX]);	    /* "1 h 02 min" */
void units_count(uint64_t value, char text[UNITS_MAX]);	    /* "81 200" */
void units_percent(uint64_t ppm, char text[UNITS_MAX]);	    /* "0.42 %" */
void units_clock(uint64_t unix_usec, char text[UNITS_MAX]); /* "14:03:59", local time */
