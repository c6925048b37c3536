#pragma once

#include "base/clock.h"
#include "config.h"
#include "ctl/control.h"
#include "ctl/stats.h"
#include "sys/loop.h"
#include "sys/service.h"

/*
 * What main.c and a role (sender.c, receiver.c) know of each other.
 *
 * main parses and finishes the configuration, opens the log, makes the loop, the control socket and
 * the link to the service manager, handles SIGTERM, SIGINT, SIGHUP and SIGPIPE, and calls
 * sender_run() or receiver_run(). The role builds its parts, sets the callbacks below, tells
 * service_ready() when it can take data, runs the loop and takes everything down again.
 */
struct role {
	struct loop *loop;
	const struct config *config; /* finished; replaced after each on_reload() */
	struct service *service;
	struct control *control; /* for control_command_add() */
	usec_t started;		 /* loop time of the start of the program */

	/* Set by the role before it runs the loop; all on the loop. */
	void *owner;
	/* Fills the snapshot; role, version, unix_usec, uptime_usec and now are filled already. */
	void (*on_stats)(void *owner, struct stats *stats);
	/* SIGHUP or `uplinkctl reload`: @fresh is finished, of the same role, and becomes
	 * role->config after the call; what @old holds is freed then. Takes over what can change
	 * without interrupting the stream; logs what cannot. */
	void (*on_reload)(void *owner, const struct config *old, const struct config *fresh);
	/* SIGTERM, SIGINT or `uplinkctl stop`: starts a clean stop (workers finish their files,
	 * the bond says goodbye) and calls loop_stop() when it is done. Called once; a second
	 * signal stops the loop at once. */
	void (*on_stop)(void *owner);
};
