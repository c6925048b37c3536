#pragma once

#include "ctl/control.h"
#include "journal.h"
#include "net/pump.h"
#include "net/uplinks.h"

/*
 * What an operator asks of a running bond: its policy, and of an uplink mute, drain, cost and
 * limit. It holds until asked otherwise or until a reload, which puts policy, cost and limit back
 * to what the configuration says and leaves alone what it does not speak of.
 */
struct steer;

struct steer_config {
	struct loop *loop;
	struct bond *bond;
	struct pump *pump;
	struct uplinks *uplinks;
	struct journal *journal;
	/* The operator takes an uplink back. */
	void (*on_unmute)(void *owner, const char *name);
	void *owner;
};

/* Everything in @config stays the caller's. NULL: out of memory. */
struct steer *steer_new(const struct steer_config *config);
struct steer *steer_free(struct steer *steer);
/* Adds the commands "policy" and "uplink". */
void steer_listen(struct steer *steer, struct control *control);

/* Stops the uplink cleanly: nothing new is given to it, and it is closed when what is out has come
 * home. @notice: who asks for it and what ends it. */
void steer_drain(struct steer *steer, struct uplink *uplink, const char *notice);
/* Takes it back. */
void steer_unmute(struct steer *steer, struct uplink *uplink);
