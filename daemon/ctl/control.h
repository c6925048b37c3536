#pragma once

#include <jansson.h>
#include <stddef.h>

#include "ctl/stats.h"
#include "sys/loop.h"
#include "uplinkd/control.h"

/*
 * The control socket: a Unix stream socket that speaks JSON lines, as include/uplinkd/control.h
 * tells. Clients, their buffers and their requests are bounded; a client that does not read is
 * dropped and disturbs nobody.
 */
struct control;

struct control_config {
	const char *path; /* "" or NULL: control_path_default() */
	const char *verb; /* "send" or "receive": names the default socket */
	void *owner;
	/* Fills a zeroed snapshot. */
	void (*on_stats)(void *owner, struct stats *stats);
	/* 0, or negative with a line for the client in @why. */
	int (*on_reload)(void *owner, char *why, size_t size);
	void (*on_stop)(void *owner);
};

/* Makes and binds the socket (mode 0660). 0 with the control in *ret_control; a negative errno with
 * the reason logged. */
int control_new(struct loop *loop, const struct control_config *config,
		struct control **ret_control);
struct control *control_free(struct control *control);
/* Where the socket is. */
const char *control_path(const struct control *control);

/* A further command. @call gets the request (borrowed) and returns the reply's members as a new
 * object, to which "ok": true is added; or NULL with *ret_why set to a text that the client is
 * told. @name must outlive the control. 0, or -ENOSPC. */
typedef json_t *(*control_call)(void *owner, json_t *request, const char **ret_why);
int control_command_add(struct control *control, const char *name, control_call call, void *owner);
