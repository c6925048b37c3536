#include "sys/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lines_init(struct lines *lines, size_t max, bool keep_head)
{
	/* One byte more, for the NUL behind a line that has no newline (yet). */
	char *text = malloc(max + 1);

	if (!text)
		return -ENOMEM;
	*lines = (struct lines){ .text = text, .size = max, .keep_head = keep_head };
	return 0;
}

void lines_deinit(struct lines *lines)
{
	free(lines->text);
	*lines = (struct lines){ 0 };
}

size_t lines_room(struct lines *lines, char **ret_at)
{
	if (lines->begin) {
		memmove(lines->text, lines->text + lines->begin, lines->end - lines->begin);
		lines->end -= lines->begin;
		lines->begin = 0;
	}
	*ret_at = lines->text + lines->end;
	return lines->size - lines->end;
}

void lines_added(struct lines *lines, size_t count)
{
	lines->end += count;
}

/* The buffer is full and holds no newline: the line is longer than allowed. */
static char *line_oversized(struct lines *lines)
{
	char *head = lines->keep_head && !lines->skipping ? lines->text : NULL;

	if (!lines->skipping)
		lines->oversized++;
	lines->skipping = true;
	lines->begin = lines->end = 0;
	lines->text[lines->size] = '\0';
	return head;
}

char *lines_next(struct lines *lines)
{
	for (;;) {
		char *line = lines->text + lines->begin;
		char *newline = memchr(line, '\n', lines->end - lines->begin);

		if (!newline) {
			if (lines->end - lines->begin < lines->size)
				return NULL;
			return line_oversized(lines);
		}
		lines->begin = (size_t)(newline + 1 - lines->text);
		*newline = '\0';
		if (!lines->skipping)
			return line;
		lines->skipping = false;
	}
}

char *lines_rest(struct lines *lines)
{
	char *line = lines->text + lines->begin;

	if (lines->begin == lines->end || lines->skipping)
		return NULL;
	lines->text[lines->end] = '\0';
	lines->begin = lines->end = 0;
	return line;
}
