#include "net/pump.h"

#include <stdlib.h>

#include "sys/finetimer.h"

/*
 * Time. Datagrams carry the time when the kernel took them in, which is what round trips should be
 * measured by, and not when a busy loop came round to reading them. The engine on the other hand
 * must never see time run backwards, and several sockets are read one after the other. So each
 * moment is brought between the last one that the engine was told and the clock.
 *
 * Turns do not nest: what a port does to the bond inside of a turn makes the turn go round again.
 */
struct pump {
	struct loop *loop;
	struct bond *bond;
	struct pump_ports ports;
	struct loop_timer timer;
	struct finetimer fine;
	usec_t last;
	bool turning;
	bool again;
};

usec_t pump_time(struct pump *pump, usec_t moment)
{
	pump->last = usec_max(pump->last, usec_min(moment, loop_clock()));
	return pump->last;
}

static void turn(struct pump *pump)
{
	usec_t now = pump_time(pump, USEC_NEVER);
	struct bond_datagram datagram;
	struct bond_media media;
	struct bond_event event;

	if (bond_wakeup_at(pump->bond) <= now)
		bond_wakeup(pump->bond, now);
	while (bond_next_datagram(pump->bond, &datagram, now))
		pump->ports.send(pump->ports.owner, &datagram);
	while (bond_next_media(pump->bond, &media, now))
		pump->ports.media(pump->ports.owner, &media);
	pump->ports.flush(pump->ports.owner);
	while (bond_next_event(pump->bond, &event))
		pump->ports.event(pump->ports.owner, &event);
}

void pump_turn(struct pump *pump)
{
	pump->again = true;
	if (pump->turning)
		return;
	pump->turning = true;
	while (pump->again) {
		pump->again = false;
		turn(pump);
	}
	pump->turning = false;
	if (pump->ports.fine)
		finetimer_set(&pump->fine, bond_wakeup_at(pump->bond));
	else
		loop_timer_set(&pump->timer, bond_wakeup_at(pump->bond));
}

static void on_fine(struct finetimer *timer)
{
	pump_turn(timer->owner);
}

static void on_timer(struct loop_timer *timer)
{
	pump_turn(timer->owner);
}

struct pump *pump_new(struct loop *loop, struct bond *bond, const struct pump_ports *ports)
{
	struct pump *pump = calloc(1, sizeof(*pump));

	if (!pump)
		return NULL;
	pump->loop = loop;
	pump->bond = bond;
	pump->ports = *ports;
	pump->last = loop_clock();
	loop_timer_init(&pump->timer, loop, on_timer, pump);
	if (ports->fine && finetimer_init(&pump->fine, loop, on_fine, pump))
		return pump_free(pump);
	loop_timer_set(&pump->timer, pump->last);
	return pump;
}

struct pump *pump_free(struct pump *pump)
{
	if (!pump)
		return NULL;
	finetimer_deinit(&pump->fine);
	loop_timer_deinit(&pump->timer);
	free(pump);
	return NULL;
}
