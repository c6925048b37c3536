#include "bond/bond.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bond/engine.h"
#include "wire/hello.h"

/*
 * The facade: makes the parts, hands each call to the one it concerns, and nothing else. How the
 * parts work together is told in engine.h.
 *
 * Memory: all of it here, sized by the largest stream and the latency; afterwards only a handshake
 * and a path that begins allocate. Pools are larger than what is used on a good day, but memory
 * that is never touched costs nothing. A peer that asks for a longer latency makes them grow.
 */
#define PACKET_TYPICAL 1316 /* bytes of a media packet: seven of MPEG-TS */
#define PACKETS_MIN    2048
#define PACKETS_MAX    (4u << 20)
#define INFLIGHT_MIN   1024
#define INFLIGHT_MAX   (1u << 16)
#define SPARE	       USEC_PER_SEC /* of stream, beyond the latency */

void bond_config_defaults(struct bond_config *config)
{
	config->policy = BOND_POLICY_AGGREGATE;
	config->latency = USEC_PER_SEC;
	config->rate_max_bps = UINT64_C(100000000);
	config->advice_min_bps = UINT64_C(1000000);
	config->advice_max_bps = UINT64_C(10000000);
	config->advice_start_bps = UINT64_C(2500000);
	config->overhead_paid_permille = 30;
	config->off = 0;
}

static bool bond_config_is_valid(const struct bond_config *c)
{
	return (c->role == BOND_ROLE_SENDER || c->role == BOND_ROLE_RECEIVER) &&
	       c->latency >= BOND_LATENCY_MIN && c->latency <= BOND_LATENCY_MAX &&
	       c->rate_max_bps >= 100000 && c->rate_max_bps <= UINT64_C(10000000000) &&
	       c->advice_min_bps <= c->advice_start_bps && c->advice_start_bps <= c->advice_max_bps;
}

static uint32_t bond_packets(const struct bond *b, usec_t span, uint64_t min, uint64_t max)
{
	/* A quarter more, for streams whose packets are not all full. */
	uint64_t packets = bytes_of_usec(span, b->config.rate_max_bps) / PACKET_TYPICAL * 5 / 4;

	return (uint32_t)(packets < min ? min : packets > max ? max : packets);
}

static int bond_parity_init(struct bond *b)
{
	return b->config.role == BOND_ROLE_RECEIVER ? recovery_init(&b->recovery)
						    : parity_init(&b->parity);
}

struct bond *bond_new(const struct bond_config *config, usec_t now)
{
	struct bond *b;
	uint32_t packets;
	int r;

	if (!bond_config_is_valid(config))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->config = *config;
	b->latency = config->latency;
	b->now = b->began_at = now;
	b->timer_at = now;
	b->depart_at = USEC_NEVER;
	peer_init(&b->peer, config, now);
	scheduler_init(&b->scheduler, config->policy, config->off);
	b->scheduler.hold = engine_hold(b);
	redundancy_init(&b->redundancy, config->off, config->overhead_paid_permille);
	advice_init(&b->advice, config->advice_min_bps, config->advice_max_bps,
		    config->advice_start_bps, now);
	packets = bond_packets(b, b->latency + SPARE, PACKETS_MIN, PACKETS_MAX);
	if (config->role == BOND_ROLE_SENDER)
		r = backlog_init(&b->backlog, packets);
	else
		r = playout_init(&b->playout, packets, engine_hold(b), now);
	if (!r)
		r = bond_parity_init(b);
	if (r < 0 || outgoing_init(&b->outgoing) < 0 || incoming_init(&b->incoming) < 0)
		return bond_free(b);
	return b;
}

struct bond *bond_free(struct bond *b)
{
	if (!b)
		return NULL;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		path_deinit(&b->path[i]);
	incoming_deinit(&b->incoming);
	outgoing_deinit(&b->outgoing);
	playout_deinit(&b->fading);
	playout_deinit(&b->playout);
	recovery_deinit(&b->recovery);
	parity_deinit(&b->parity);
	backlog_deinit(&b->backlog);
	peer_deinit(&b->peer);
	hello_wipe(&b->config, sizeof(b->config));
	free(b);
	return NULL;
}

usec_t engine_hold(const struct bond *b)
{
	return b->peer.current.feed_ts ? b->latency : b->latency - bond_feed_margin(b->latency);
}

usec_t engine_time(const struct bond *b)
{
	return usec_sub(engine_hold(b), b->lag);
}

usec_t engine_waiting(struct bond *b, usec_t now)
{
	const struct owed *waiting = backlog_unsent(&b->backlog, 0);

	return waiting ? usec_sub(usec_since(waiting->captured, now), b->lag) : 0;
}

usec_t engine_rtt_min(const struct bond *b)
{
	usec_t least = 0;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		const struct path *p = &b->path[i];

		if (p->in_use && p->estimator.srtt && (!least || p->estimator.rtt_min < least))
			least = p->estimator.rtt_min;
	}
	return least;
}

bool engine_is_alone(const struct bond *b, const struct path *p)
{
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (&b->path[i] != p && path_is_usable(&b->path[i]))
			return false;
	return true;
}

int engine_path_open(struct bond *b, unsigned id, usec_t now)
{
	uint32_t ring = bond_packets(b, 2 * USEC_PER_SEC, INFLIGHT_MIN, INFLIGHT_MAX);
	int r = path_init(&b->path[id], id, ring, now);

	if (r < 0)
		path_deinit(&b->path[id]);
	return r;
}

/* The sender is another one. What the old one sent and is not yet due is played out all the same,
 * before anything of the new one. */
static void engine_restart_playout(struct bond *b, usec_t now)
{
	struct playout fresh;

	if (!b->playout.paced || !b->playout.count ||
	    playout_init(&fresh, (uint32_t)(b->playout.mask + 1), b->playout.hold, now) < 0) {
		playout_restart(&b->playout, now);
		return;
	}
	playout_hand_over(&b->fading, &fresh);
	playout_hand_over(&b->playout, &fresh);
	playout_deinit(&b->fading);
	b->fading = b->playout;
	b->playout = fresh;
}

/* The peer may ask for more than we were made for. Without the memory we go on with what there is:
 * then an outage loses what does not fit, and counts it. */
static void engine_set_latency(struct bond *b, usec_t now)
{
	struct playout larger;
	uint32_t packets;

	b->latency = b->peer.current.latency;
	b->scheduler.hold = engine_hold(b);
	packets = bond_packets(b, b->latency + SPARE, PACKETS_MIN, PACKETS_MAX);
	if (b->config.role == BOND_ROLE_SENDER) {
		(void)backlog_grow(&b->backlog, packets);
		return;
	}
	if (packets > b->playout.mask + 1 && !b->playout.has_any &&
	    playout_init(&larger, packets, engine_hold(b), now) == 0) {
		playout_deinit(&b->playout);
		b->playout = larger;
	}
	playout_set_hold(&b->playout, engine_hold(b));
	playout_set_paced(&b->playout, b->peer.current.feed_ts);
}

void engine_new_session(struct bond *b, bool restarted, usec_t now)
{
	bool first = b->peer.sessions == 1;

	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (!p->in_use)
			continue;
		path_reset(p, now);
		if (restarted)
			estimator_forget_delay(&p->estimator, now);
		if (b->config.role == BOND_ROLE_RECEIVER)
			path_deinit(p);
		else if (p->state != BOND_PATH_OFF)
			path_set_state(p, BOND_PATH_PROBING, BOND_REASON_HELLO, now);
	}
	if (restarted || first) {
		b->clock_known = false;
		incoming_restart(&b->incoming);
		report_restart(&b->report);
		if (b->config.role == BOND_ROLE_RECEIVER)
			engine_restart_playout(b, now);
		if (b->config.role == BOND_ROLE_RECEIVER)
			recovery_restart(&b->recovery);
	}
	engine_set_latency(b, now);
	if (b->config.role == BOND_ROLE_SENDER) {
		if (restarted)
			backlog_revive(&b->backlog);
		b->backlog.keeps = b->peer.current.feed_ts;
		backlog_forget_sent(&b->backlog);
	}
	outgoing_forget_sent(&b->outgoing);
	b->heard_at = now;
	event_session(b, BOND_EVENT_SESSION_UP,
		      restarted ? BOND_REASON_RESTARTED : BOND_REASON_HELLO);
}

static int bond_path_slot(const struct bond *b, const char *name)
{
	int spare = -1, gone = -1;

	for (int i = 0; i < BOND_PATHS_MAX; i++) {
		const struct path *p = &b->path[i];

		if (p->in_use && !strncmp(p->config.name, name, BOND_NAME_MAX - 1))
			return i;
		if (!p->in_use && spare < 0)
			spare = i;
	}
	/* The place of one that is gone is taken only when there is no other: were its id used by
	 * another uplink, the peer's estimates for it would be wrong for a while. */
	for (int i = 0; i < BOND_PATHS_MAX && spare < 0; i++)
		if (b->path[i].state == BOND_PATH_OFF)
			gone = i;
	return spare >= 0 ? spare : gone;
}

int bond_path_add(struct bond *b, const struct bond_path_config *config, usec_t now)
{
	struct path *p;
	int id;

	assert(b->config.role == BOND_ROLE_SENDER);
	id = bond_path_slot(b, config->name);
	if (id < 0)
		return -ENOSPC;
	p = &b->path[id];
	if (p->in_use && strncmp(p->config.name, config->name, BOND_NAME_MAX - 1)) {
		/* Packet numbers must go on under the same keys. */
		estimator_init(&p->estimator, now);
		rate_init(&p->rate, config->rate_max_bps, now);
	} else if (!p->in_use && engine_path_open(b, (unsigned)id, now) < 0) {
		return -ENOSPC;
	}
	path_configure(p, config);
	b->leaving &= ~(1u << id);
	p->hello_at = p->probe_at = p->progress_at = now;
	p->hello_backoff = 0;
	p->probes = p->flaps = p->proof = 0;
	p->heard_at = 0;
	if (p->state == BOND_PATH_UP)
		return id;
	path_set_state(p, BOND_PATH_PROBING, BOND_REASON_ADDED, now);
	p->media_cursor = b->backlog.unsent;
	b->settled = false;
	b->timer_at = usec_min(b->timer_at, now);
	return id;
}

int bond_path_set(struct bond *b, unsigned path_id, const struct bond_path_config *config,
		  usec_t now)
{
	struct path *p;

	if (path_id >= BOND_PATHS_MAX || !b->path[path_id].in_use ||
	    b->path[path_id].state == BOND_PATH_OFF)
		return -ENOENT;
	p = &b->path[path_id];
	if (config->link != p->config.link ||
	    memcmp(&config->remote, &p->config.remote, sizeof(config->remote)))
		p->heard_at = 0; /* long headers until the peer answers from there */
	b->now = usec_max(b->now, now);
	if (config->muted != p->config.muted)
		p->reason = BOND_REASON_OPERATOR;
	path_configure(p, config);
	b->settled = false;
	return 0;
}

void bond_path_drop(struct bond *b, unsigned path_id, usec_t now)
{
	struct path *p;

	if (path_id >= BOND_PATHS_MAX || !b->path[path_id].in_use)
		return;
	p = &b->path[path_id];
	path_set_state(p, BOND_PATH_OFF, BOND_REASON_DROPPED, now);
	repair_evacuate(b, p, true, now);
	b->leaving |= 1u << path_id;
	b->settled = false;
	b->timer_at = usec_min(b->timer_at, now);
}

void bond_set_policy(struct bond *b, enum bond_policy policy, usec_t now)
{
	b->config.policy = b->scheduler.policy = policy;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		b->path[i].media_cursor = b->backlog.unsent;
	b->settled = false;
	b->now = usec_max(b->now, now);
}

void bond_set_clock(struct bond *b, uint64_t unix_minus_now)
{
	b->peer.unix_minus_now = unix_minus_now;
}

int bond_submit(struct bond *b, enum bond_media_kind kind, enum wire_class class,
		const uint8_t *data, size_t len, usec_t captured, usec_t now)
{
	if (kind == BOND_MEDIA_DATA)
		return bond_submit_prefixed(b, class, data, len, 0, captured, now);
	b->now = usec_max(b->now, now);
	if (len > WIRE_MEDIA_MAX)
		return -EMSGSIZE;
	b->settled = false;
	return outgoing_submit(&b->outgoing, data, len, kind == BOND_MEDIA_URGENT ? 2 : 1, now);
}

int bond_submit_prefixed(struct bond *b, enum wire_class class, const uint8_t *data, size_t len,
			 size_t prefix, usec_t captured, usec_t now)
{
	int r;

	assert(prefix <= len && prefix <= WIRE_PREFIX_MAX);
	b->now = usec_max(b->now, now);
	if (len > WIRE_MEDIA_MAX)
		return -EMSGSIZE;
	b->settled = false;
	if (b->config.role != BOND_ROLE_SENDER)
		return -EPERM;
	captured = usec_min(captured, now);
	b->lag = now - captured;
	r = backlog_submit(&b->backlog, class, data, len, prefix, captured);
	if (!r)
		coding_submitted(b, data, len, captured, now);
	return r;
}

void bond_try(struct bond *b, usec_t now)
{
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		if (b->path[i].in_use && !b->path[i].trial_end)
			b->path[i].trial = PATH_TRIAL;
	b->settled = false;
	b->now = usec_max(b->now, now);
}

uint32_t bond_next_seq(const struct bond *b)
{
	return (uint32_t)b->backlog.next;
}

/* What an earlier sender has left, until it is through or something of the new one is due. */
static bool bond_next_fading(struct bond *b, struct bond_media *ret_media, usec_t now)
{
	if (b->fading.count && playout_wakeup_at(&b->playout) <= now)
		playout_set_hold(&b->fading, 0);
	if (playout_next(&b->fading, ret_media, now))
		return true;
	if (!b->fading.count) {
		playout_hand_over(&b->fading, &b->playout);
		playout_deinit(&b->fading);
	}
	return false;
}

bool bond_next_media(struct bond *b, struct bond_media *ret_media, usec_t now)
{
	const struct packet *control = incoming_next(&b->incoming);

	b->now = usec_max(b->now, now);
	if (control) {
		*ret_media = (struct bond_media){ .kind = BOND_MEDIA_CONTROL,
						  .data = control->data,
						  .len = control->len };
		return true;
	}
	if (b->config.role != BOND_ROLE_RECEIVER)
		return false;
	if (b->fading.ring && bond_next_fading(b, ret_media, now))
		return true;
	return !b->fading.count && playout_next(&b->playout, ret_media, now);
}

void bond_drain(struct bond *b, usec_t now)
{
	assert(b->config.role == BOND_ROLE_RECEIVER);
	b->now = usec_max(b->now, now);
	playout_set_hold(&b->fading, 0);
	playout_set_hold(&b->playout, 0);
}

void bond_close(struct bond *b, enum wire_close reason, usec_t now)
{
	if (b->closed)
		return;
	b->closed = true;
	b->close_reason = reason;
	b->now = usec_max(b->now, now);
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		b->path[i].close_due = b->path[i].in_use && b->path[i].state != BOND_PATH_OFF;
}
