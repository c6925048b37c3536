#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "workers/record/segment.h"

/*
 * The index of a recording, PREFIX.index: one JSON object a line for each finished segment, in the
 * order in which they were finished, appended durably and never changed:
 *
 *   {"file":"live-20260131T120000Z.ts","start":1769860800.123456,"duration":60.02,
 *    "bytes":45000000,"sha256":"..."}
 *
 * start is Unix time of the first byte, duration in seconds of arrival. "recovered":true marks a
 * segment that was found after a crash. A crash can leave a last line that is cut off: a reader
 * ignores what does not parse, and the next writer begins a new line.
 */

/* A new object of these keys; NULL: out of memory. */
json_t *index_line(const struct segment_entry *entry);
/* 0 or -errno. */
int index_append(int directory, const char *prefix, const struct segment_entry *entry);

/* The names of files that an index knows. */
struct index_names {
	char **name; /* sorted */
	size_t count;
};

/* An index that does not exist is an empty one. 0 or -errno. */
int index_read(int directory, const char *prefix, struct index_names *ret_names);
bool index_has(const struct index_names *names, const char *file);
void index_names_clear(struct index_names *names);
