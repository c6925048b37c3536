#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "sys/loop.h"

/*
 * A command of the user's that is told what we know, line by line, on its stdin: `[encoder] control
 * = exec` steers an encoder that way ("bitrate 2500000"). It runs in a shell and a process group of
 * its own; its stdout is thrown away, its stderr is ours. When it ends it is started again, with a
 * back-off of 0.25, 0.5, 1, 2, 4, 5, 5 ... seconds that falls back after a minute of good work, and
 * told the last line anew.
 *
 * It can hold up nobody: when it does not read, lines in between are lost and it gets the newest
 * one as soon as it reads again.
 */
struct command;

/* Starts at once; the texts are copied. @name is for the log. NULL: out of memory. */
struct command *command_new(struct loop *loop, const char *name, const char *text);
/* Closes its stdin and sends SIGTERM to its process group. */
struct command *command_free(struct command *command);

#define COMMAND_LINE_MAX 256

/* A line, without the newline; cut at COMMAND_LINE_MAX. */
void command_tell(struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct command_info {
	int pid; /* 0: not running now */
	unsigned restarts;
	uint64_t lines, replaced; /* given to it; lost because it did not read */
	char reason[128];	  /* why it ended the last time; "" = never */
};

void command_info(const struct command *command, struct command_info *ret_info);
