#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Cuts a stream of bytes into lines of bounded length: read into lines_room(), tell lines_added(),
 * take lines_next() until it returns NULL. A line that does not fit is counted and skipped to its
 * end; with @keep_head its beginning is handed out first.
 */
struct lines {
	char *text; /* of @size bytes */
	size_t size;
	size_t begin, end; /* what is not handed out yet */
	bool keep_head;
	bool skipping; /* inside a line that did not fit */
	uint64_t oversized;
};

/* Lines of up to @max bytes, newline included. 0 or -ENOMEM. */
int lines_init(struct lines *lines, size_t max, bool keep_head);
void lines_deinit(struct lines *lines);
/* Where the next bytes go, and how many may (never 0 after lines_next() returned NULL). */
size_t lines_room(struct lines *lines, char **ret_at);
void lines_added(struct lines *lines, size_t count);
/* The next line, NUL-terminated, without its newline; valid until lines_room(). NULL: no whole
 * line is there. */
char *lines_next(struct lines *lines);
/* What came after the last newline, when nothing more will come; NULL: nothing. */
char *lines_rest(struct lines *lines);
