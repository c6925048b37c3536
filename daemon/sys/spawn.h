#pragma once

#include <stddef.h>

/*
 * Starting a program so that it inherits exactly what it is meant to: these descriptors and no
 * other, default signal dispositions, an empty signal mask, no core dumps (they would hold keys),
 * a process group of its own (Ctrl-C at a terminal reaches uplinkd alone, which then stops its
 * workers in order), and SIGTERM when the starting thread dies.
 */
#define SPAWN_FDS_MAX 8

struct spawn {
	const char *path;
	char *const *argv;
	char *const *extra_env; /* "NAME=value" ..., NULL-terminated; may be NULL */
	int fds[SPAWN_FDS_MAX]; /* become 0, 1, 2, ... of the child; -1: /dev/null */
	size_t fd_count;	/* at least 3 */
};

/* The process id, or -errno (of exec too). The fds stay the caller's. */
int spawn_process(const struct spawn *spawn);

/* Where @program is: as given when it has a slash, else beside our own executable, else in the
 * libexec directory of the installation. 0, -ENOENT or -ENAMETOOLONG. */
int spawn_find(const char *program, char *ret_path, size_t size);

/* A sealed memfd that holds @text; -errno. */
int spawn_secret(const char *text);
