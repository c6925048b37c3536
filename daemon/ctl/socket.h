#pragma once

#include <stddef.h>

/*
 * Where a control socket is by default, and how it is bound (include/uplinkd/control.h tells the
 * rule).
 */
#define CONTROL_PATH_MAX 108 /* of sockaddr_un */

/* Binds and listens. @path as configured, "" for the default of @verb ("send", "receive"); the path
 * in force goes to @ret_path. The descriptor, or a negative errno with a text in @why:
 * -EADDRINUSE when a living program has it. */
int control_socket_bind(const char *path, const char *verb, char ret_path[CONTROL_PATH_MAX],
			char *why, size_t why_size);
