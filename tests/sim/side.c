#include "sim/state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/*
 * A side: a bond and its driver. The driver does what bond.h says and nothing else, and looks
 * whether the bond keeps its part of the contract.
 */
#define TURN_BOUND   100000 /* results of one turn; beyond it is a livelock */
#define RATE_MAX_BPS 40000000

void side_add_path(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];

	u->present = true;
	if (w->side[SENDER].bond)
		u->path_id = bond_path_add(w->side[SENDER].bond, &u->path, world_local(w, SENDER));
	if (u->path_id < 0)
		world_fail(w, "a path cannot be added");
}

int side_start(struct world *w, unsigned role)
{
	struct side *side = &w->side[role];
	struct bond_config config;

	bond_config_defaults(&config);
	config.role = role == SENDER ? BOND_ROLE_SENDER : BOND_ROLE_RECEIVER;
	config.policy = w->config->policy;
	config.latency = world_latency(w->config);
	config.rate_max_bps = RATE_MAX_BPS;
	config.off = w->config->off;
	config.feed_ts = w->config->feed_ts;
	config.instance = rng_u64(&w->rng);
	config.unix_minus_now = UINT64_C(1800000000) * USEC_PER_SEC - side->clock.origin;
	memset(config.key, 0x42, sizeof(config.key));
	for (size_t i = 0; i < sizeof(config.seed); i++)
		config.seed[i] = (uint8_t)rng_u64(&w->rng);
	if (w->config->advice_min_bps)
		config.advice_min_bps = w->config->advice_min_bps;
	if (w->config->advice_max_bps)
		config.advice_max_bps = w->config->advice_max_bps;
	if (w->config->advice_start_bps)
		config.advice_start_bps = w->config->advice_start_bps;
	side->bond = bond_new(&config, world_local(w, role));
	if (!side->bond)
		return -ENOMEM;
	for (unsigned i = 0; role == SENDER && i < w->links; i++)
		if (w->uplink[i].present)
			side_add_path(w, i);
	return 0;
}

void side_count(struct world *w, unsigned role, struct bond_stats *stats)
{
	bond_stats(w->side[role].bond, stats, world_local(w, role));
	w->figures->junk_bad += stats->input_forged + stats->input_replayed +
				stats->input_malformed + stats->input_unanchored +
				stats->input_unknown + stats->hello_refused;
	if (role == SENDER)
		w->figures->sessions += stats->sessions;
}

void side_stop(struct world *w, unsigned role)
{
	struct bond_stats stats;

	if (!w->side[role].bond)
		return;
	side_count(w, role, &stats);
	w->parity_before += stats.parity_packets;
	for (unsigned i = 0; role == SENDER && i < stats.paths; i++) {
		w->media_before += stats.path[i].media_packets;
		w->copies_before += stats.path[i].copy_packets;
	}
	w->side[role].bond = bond_free(w->side[role].bond);
	/* The next one cannot know what this one handed on. */
	memset(w->side[role].control_seen, 0, sizeof(w->side[role].control_seen));
	if (role == RECEIVER)
		recorder_receiver_restarted(&w->recorder);
	else
		recorder_sender_restarted(&w->recorder);
}

static void tell(struct world *w, unsigned role, const struct bond_event *event)
{
	struct world_figures *f = w->figures;

	world_hash(w, w->now << 8 | (uint64_t)event->kind << 4 | 15);
	world_trace(w,
		    "\"ev\":\"%s\",\"side\":%u,\"path\":%u,\"from\":\"%s\",\"to\":\"%s\",\"bps\":"
		    "%" PRIu64 ",\"reason\":\"%s\"",
		    event->kind == BOND_EVENT_SESSION_UP     ? "up"
		    : event->kind == BOND_EVENT_SESSION_DOWN ? "down"
		    : event->kind == BOND_EVENT_PATH	     ? "path"
							     : "advice",
		    role, event->path_id, bond_path_state_text(event->from),
		    bond_path_state_text(event->to), event->bps, bond_reason_text(event->reason));
	if (event->kind != BOND_EVENT_ADVICE || role != SENDER)
		return;
	source_advise(&w->source, event->bps);
	if (f->advices < WORLD_ADVICES_MAX)
		f->advice[f->advices++] = (struct world_advice){ .at = w->now,
								 .bps = event->bps,
								 .reason = event->reason };
}

/* One turn of a driver, as bond.h says it. Returns how much came of it. */
static unsigned turn(struct world *w, unsigned role)
{
	struct bond *bond = w->side[role].bond;
	usec_t now = world_local(w, role);
	struct bond_datagram datagram;
	struct bond_media media;
	struct bond_event event;
	unsigned results = 0;

	if (bond_wakeup_at(bond) <= now)
		bond_wakeup(bond, now);
	for (; results < TURN_BOUND && bond_next_datagram(bond, &datagram, now); results++)
		traffic_send(w, role, &datagram);
	for (; results < TURN_BOUND && bond_next_media(bond, &media, now); results++)
		traffic_deliver(w, role, &media);
	for (; results < TURN_BOUND && bond_next_event(bond, &event); results++)
		tell(w, role, &event);
	if (results == TURN_BOUND)
		world_fail(w, "a turn does not end");
	return results;
}

void side_turn(struct world *w, unsigned role)
{
	struct side *side = &w->side[role];
	bool woken;

	if (!side->bond)
		return;
	woken = bond_wakeup_at(side->bond) <= world_local(w, role);
	if (side->idle_second != w->now / USEC_PER_SEC) {
		side->idle_second = w->now / USEC_PER_SEC;
		side->idle_turns = 0;
	}
	if (!turn(w, role) && woken && ++side->idle_turns > WORLD_IDLE_TURNS)
		world_fail(w, "the bond wants to be called again and again for nothing");
	if (bond_wakeup_at(side->bond) > world_local(w, role))
		return;
	(void)turn(w, role);
	if (bond_wakeup_at(side->bond) <= world_local(w, role))
		world_fail(w, "the wake-up stays in the past");
}
