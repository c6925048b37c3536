#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * A snapshot (STATUS of include/uplinkd/control.h) as text for people.
 */
struct show {
	FILE *out;
	bool color;   /* ANSI colours */
	bool unicode; /* the terminal shows UTF-8 */
};

/* Everything; without the log, which show_log() tells. */
void show_status(const struct show *show, const json_t *status);
/* The last @max entries of a log, oldest first. */
void show_log(const struct show *show, const json_t *log, size_t max);
/* One line, for a watch that is not on a terminal. */
void show_line(const struct show *show, const json_t *status);
/* The findings of a diagnosis, a line each with what to do. True: one of them is an error or a
 * warning. */
bool show_findings(const struct show *show, const json_t *findings);
