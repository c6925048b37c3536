#pragma once

#include "bond/bond.h"
#include "sys/loop.h"

/*
 * Drives one bond on real sockets and real time: the "turn of a driver" of bond/bond.h, once per
 * batch of input and at the bond's own wake-ups. What comes out is handed to the ports.
 */
struct pump;

struct pump_ports {
	void (*send)(void *owner, const struct bond_datagram *datagram);
	void (*media)(void *owner, const struct bond_media *media);
	/* After each turn: what send() and media() have collected can go. */
	void (*flush)(void *owner);
	/* Called last in a turn; may call the bond, submit and add or drop paths. */
	void (*event)(void *owner, const struct bond_event *event);
	void *owner;
	bool fine; /* wake-ups are kept to 100 us: media is paced out */
};

/* @bond stays the caller's and must outlive the pump. NULL: out of memory. */
struct pump *pump_new(struct loop *loop, struct bond *bond, const struct pump_ports *ports);
struct pump *pump_free(struct pump *pump);

/* The time for the next call of the bond: @moment (when something arrived), but never before an
 * earlier call nor after the present. */
usec_t pump_time(struct pump *pump, usec_t moment);

/* A turn: to be called after bond_input(), bond_submit() or any other call that may give the bond
 * something to say. Does nothing when called from a port: the turn goes on anyway. */
void pump_turn(struct pump *pump);
