#include "sim/world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "sim/junk.h"
#include "tools/linksim/timeline.h"

/*
 * The world's time is one number; it jumps to the earliest moment at which a part wants something.
 * Each side has its own clock, with another origin and its own speed, so that nobody can compare
 * the two.
 *
 * Addresses: the receiver's is {1}. An uplink appears to the receiver as {2, link, port}, where
 * `port` changes with each rebinding; what goes to a port of the past is dropped, as an address
 * translation would.
 */

#define SENDER		  0
#define RECEIVER	  1
#define IP_UDP_BYTES	  28
#define SAMPLE_EVERY	  (100 * USEC_PER_MS)
#define LONG_RUN	  (3600 * USEC_PER_SEC)
#define LONG_SAMPLE_EVERY (10 * USEC_PER_SEC)
#define JUNK_EVERY	  (2 * USEC_PER_MS)
#define SETTLE_TIME	  (3 * USEC_PER_SEC) /* beyond the latency, for the last acknowledgements */
#define CONTROLS_MAX	  65536
#define CONTROL_BYTES	  64
#define TURN_BOUND	  100000 /* results of one turn; beyond it is a livelock */
#define RATE_MAX_BPS	  40000000
#define ELSEWHERE_LINK	  99

struct clock {
	usec_t origin;
	int ppm;
};

struct side {
	struct bond *bond; /* NULL: switched off */
	struct clock clock;
	unsigned starts;
	usec_t idle_second; /* in which idle_turns happened */
	unsigned idle_turns;
	uint8_t control_seen[CONTROLS_MAX]; /* of the other side's: deliveries */
	uint64_t control_sent;
};

struct uplink {
	const char *name;
	struct link *up, *down;
	uint8_t port;
	bool present;
	struct bond_path_config path;
	int path_id;
};

struct world {
	const struct world_config *config;
	uint64_t seed;
	FILE *trace;
	usec_t now;
	struct rng rng;
	struct scenario scenario;
	struct timeline *timeline;
	struct timeline_link on[SCENARIO_LINKS_MAX];
	unsigned links;
	struct uplink uplink[SCENARIO_LINKS_MAX];
	struct side side[2];
	struct source source;
	struct recorder recorder;
	struct junk junk;
	bool junk_on;
	usec_t junk_at, control_at, sample_at;
	uint8_t buffer[LINK_PACKET_MAX];
	/* Counts of bonds that are gone. */
	uint64_t media_before, copies_before;
	struct world_figures *figures;
};

/* --- time ------------------------------------------------------------------------------------ */

static usec_t clock_local(const struct clock *clock, usec_t world)
{
	return (usec_t)((int64_t)(clock->origin + world) +
			(int64_t)world / 1000 * clock->ppm / 1000);
}

/* The first moment of the world at which the clock shows @local. */
static usec_t clock_world(const struct clock *clock, usec_t local)
{
	usec_t guess = usec_sub(local, clock->origin);

	if (local == USEC_NEVER)
		return USEC_NEVER;
	guess = (usec_t)((int64_t)guess - (int64_t)guess / (1000000 + clock->ppm) * clock->ppm);
	while (guess && clock_local(clock, guess) >= local)
		guess--;
	while (clock_local(clock, guess) < local)
		guess++;
	return guess;
}

static usec_t local_now(const struct world *w, unsigned side)
{
	return clock_local(&w->side[side].clock, w->now);
}

/* --- checks and the trace -------------------------------------------------------------------- */

static void fail(struct world *w, const char *why)
{
	if (w->figures->failure)
		return;
	w->figures->failure = why;
	w->figures->failed_at = w->now;
}

static void hash_word(struct world *w, uint64_t word)
{
	w->figures->hash = (w->figures->hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	w->figures->hash ^= w->figures->hash >> 29;
}

static void hash_event(struct world *w, uint64_t kind, uint64_t who, const uint8_t *data,
		       size_t len)
{
	hash_word(w, w->now << 8 | kind << 4 | who);
	hash_word(w, len);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, data + i, sizeof(word));
		hash_word(w, word);
	}
}

#define TRACE(w, ...)                                                                              \
	do {                                                                                       \
		if ((w)->trace)                                                                    \
			trace_line(w, __VA_ARGS__);                                                \
	} while (0)

__attribute__((format(printf, 2, 3))) static void trace_line(struct world *w, const char *format,
							     ...)
{
	va_list arguments;

	fprintf(w->trace, "{\"t\":%.6f,", (double)w->now / USEC_PER_SEC);
	va_start(arguments, format);
	vfprintf(w->trace, format, arguments);
	va_end(arguments);
	fputs("}\n", w->trace);
}

/* --- addresses ------------------------------------------------------------------------------- */

static struct bond_address receiver_address(void)
{
	return (struct bond_address){ .len = 1, .bytes = { 1 } };
}

static struct bond_address uplink_address(unsigned link, uint8_t port)
{
	return (struct bond_address){ .len = 3, .bytes = { 2, (uint8_t)link, port } };
}

/* --- bonds ----------------------------------------------------------------------------------- */

static void add_path(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];

	u->present = true;
	if (w->side[SENDER].bond)
		u->path_id = bond_path_add(w->side[SENDER].bond, &u->path, local_now(w, SENDER));
	if (u->path_id < 0)
		fail(w, "a path cannot be added");
}

static int start_bond(struct world *w, unsigned role)
{
	struct side *side = &w->side[role];
	struct bond_config config;

	bond_config_defaults(&config);
	config.role = role == SENDER ? BOND_ROLE_SENDER : BOND_ROLE_RECEIVER;
	config.policy = w->config->policy;
	config.latency = world_latency(w->config);
	config.rate_max_bps = RATE_MAX_BPS;
	config.off = w->config->off;
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
	side->bond = bond_new(&config, local_now(w, role));
	side->starts++;
	if (!side->bond)
		return -ENOMEM;
	for (unsigned i = 0; role == SENDER && i < w->links; i++)
		if (w->uplink[i].present)
			add_path(w, i);
	return 0;
}

static void count_bond(struct world *w, unsigned role, struct bond_stats *stats)
{
	bond_stats(w->side[role].bond, stats, local_now(w, role));
	w->figures->junk_bad += stats->input_forged + stats->input_replayed +
				stats->input_malformed + stats->input_unknown +
				stats->hello_refused;
	if (role == SENDER)
		w->figures->sessions += stats->sessions;
}

static void stop_bond(struct world *w, unsigned role)
{
	struct bond_stats stats;

	if (!w->side[role].bond)
		return;
	count_bond(w, role, &stats);
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

/* --- what happens ---------------------------------------------------------------------------- */

struct word {
	const char *target; /* NULL: a link */
	const char *word;
};

static const struct word words[] = {
	{ NULL, "rebind" },	 { NULL, "address" },	  { NULL, "drop" },
	{ NULL, "add" },	 { NULL, "mute" },	  { NULL, "unmute" },
	{ NULL, "paid" },	 { NULL, "expensive" },	  { "receiver", "restart" },
	{ "receiver", "off" },	 { "receiver", "on" },	  { "sender", "restart" },
	{ "bond", "aggregate" }, { "bond", "broadcast" }, { "bond", "backup" },
	{ "junk", "on" },	 { "junk", "off" },
};

static bool is_special(const char *target)
{
	return !strcmp(target, "receiver") || !strcmp(target, "sender") ||
	       !strcmp(target, "bond") || !strcmp(target, "junk");
}

static bool knows_word(const char *target, const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i].word) &&
		    (words[i].target ? !strcmp(target, words[i].target) : !is_special(target)))
			return true;
	return !is_special(target) && !strncmp(word, "cap=", 4);
}

static void change_path(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];

	if (u->present && u->path_id >= 0 && w->side[SENDER].bond)
		(void)bond_path_set(w->side[SENDER].bond, (unsigned)u->path_id, &u->path,
				    local_now(w, SENDER));
}

static void drop_path(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];

	if (u->present && w->side[SENDER].bond)
		bond_path_drop(w->side[SENDER].bond, (unsigned)u->path_id, local_now(w, SENDER));
	u->present = false;
	u->port++;
}

static void link_event(struct world *w, unsigned i, const char *word)
{
	struct uplink *u = &w->uplink[i];

	if (!strcmp(word, "rebind")) {
		u->port++;
	} else if (!strcmp(word, "drop")) {
		drop_path(w, i);
	} else if (!strcmp(word, "add")) {
		add_path(w, i);
	} else if (!strcmp(word, "address")) {
		drop_path(w, i);
		add_path(w, i);
	} else if (!strcmp(word, "mute") || !strcmp(word, "unmute")) {
		u->path.muted = *word == 'm';
		change_path(w, i);
	} else {
		if (!strcmp(word, "paid"))
			u->path.cost = BOND_COST_PAID;
		else if (!strcmp(word, "expensive"))
			u->path.cost = BOND_COST_EXPENSIVE;
		else
			(void)setting_number(word + 4, &u->path.rate_max_bps);
		change_path(w, i);
	}
}

static void bond_event(struct world *w, const char *word)
{
	enum bond_policy policy = !strcmp(word, "broadcast") ? BOND_POLICY_BROADCAST
				  : !strcmp(word, "backup")  ? BOND_POLICY_BACKUP
							     : BOND_POLICY_AGGREGATE;

	for (unsigned s = 0; s < 2; s++)
		if (w->side[s].bond)
			bond_set_policy(w->side[s].bond, policy, local_now(w, s));
}

static void happen(struct world *w, const struct timeline_event *event)
{
	unsigned role = !strcmp(event->target, "sender") ? SENDER : RECEIVER;

	TRACE(w, "\"ev\":\"script\",\"who\":\"%s\",\"what\":\"%s\"", event->target, event->word);
	if (!strcmp(event->target, "junk")) {
		w->junk_on = !strcmp(event->word, "on");
		w->junk_at = w->junk_on ? w->now : USEC_NEVER;
	} else if (!strcmp(event->target, "bond")) {
		bond_event(w, event->word);
	} else if (is_special(event->target)) {
		stop_bond(w, role);
		if (strcmp(event->word, "off") && start_bond(w, role))
			fail(w, "out of memory");
		/* A new sender has new sockets. */
		for (unsigned i = 0; role == SENDER && i < w->links; i++)
			w->uplink[i].port++;
	} else {
		for (unsigned i = 0; i < w->links; i++)
			if (scenario_names(event->target, w->uplink[i].name))
				link_event(w, i, event->word);
	}
}

/* --- packets --------------------------------------------------------------------------------- */

static void input(struct world *w, unsigned role, uint32_t link, const struct bond_address *from,
		  const uint8_t *data, size_t len)
{
	memcpy(w->buffer, data, len);
	(void)bond_input(w->side[role].bond, link, from, w->buffer, len, local_now(w, role));
}

static void arrivals(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];
	const struct link_packet *packet;
	struct bond_address from;

	while ((packet = link_receive(u->up, w->now))) {
		hash_event(w, 1, i, packet->data, packet->len);
		if (!w->side[RECEIVER].bond)
			continue;
		if (w->junk_on)
			junk_capture(&w->junk, true, packet->data, packet->len);
		from = uplink_address(i, (uint8_t)packet->tag);
		input(w, RECEIVER, 0, &from, packet->data, packet->len);
	}
	while ((packet = link_receive(u->down, w->now))) {
		hash_event(w, 2, i, packet->data, packet->len);
		if ((uint8_t)packet->tag != u->port || !u->present || !w->side[SENDER].bond)
			continue;
		if (w->junk_on)
			junk_capture(&w->junk, false, packet->data, packet->len);
		from = receiver_address();
		input(w, SENDER, i, &from, packet->data, packet->len);
	}
}

static void throw_junk(struct world *w)
{
	struct junk_item item;
	unsigned link = (unsigned)rng_below(&w->rng, w->links);
	struct bond_address from = uplink_address(link, w->uplink[link].port);

	junk_next(&w->junk, w->now, &item);
	w->junk_at = w->now + JUNK_EVERY;
	if (!item.to_receiver)
		from = receiver_address();
	if (item.elsewhere)
		from = uplink_address(ELSEWHERE_LINK, 0);
	if (w->side[item.to_receiver ? RECEIVER : SENDER].bond)
		input(w, item.to_receiver ? RECEIVER : SENDER, item.to_receiver ? 0 : link, &from,
		      item.data, item.len);
}

static void submit_media(struct world *w)
{
	struct source_packet packet;
	usec_t now = local_now(w, SENDER);
	int r = -EPIPE;

	source_next(&w->source, &packet);
	if (w->side[SENDER].bond)
		r = bond_submit(w->side[SENDER].bond, BOND_MEDIA_DATA, packet.class, packet.data,
				packet.len, now, now);
	if (r == -EPERM || r == -EMSGSIZE)
		fail(w, "the bond refuses a packet that is right");
	w->figures->refused += r != 0;
	w->figures->primary_bytes += packet.len;
	if (recorder_submitted(&w->recorder, packet.number, !r, w->now))
		fail(w, "out of memory");
}

/* Control packet @n: its number, who sent it, and bytes that follow from both. */
static void fill_control(uint8_t data[static CONTROL_BYTES], uint64_t n, unsigned role)
{
	source_fill(data, CONTROL_BYTES, n * 2 + role);
}

static void submit_control(struct world *w)
{
	uint8_t data[CONTROL_BYTES];

	for (unsigned role = 0; role < 2; role++) {
		struct side *side = &w->side[role];

		if (!side->bond || side->control_sent == CONTROLS_MAX)
			continue;
		fill_control(data, side->control_sent, role);
		if (!bond_submit(side->bond,
				 side->control_sent % 8 ? BOND_MEDIA_CONTROL : BOND_MEDIA_URGENT,
				 WIRE_CLASS_TABLES, data, sizeof(data), local_now(w, role),
				 local_now(w, role)))
			w->figures->control_sent++;
		side->control_sent++;
	}
	w->control_at += w->config->control_every;
}

static void check_control(struct world *w, unsigned role, const struct bond_media *media)
{
	uint64_t number = source_verify(media->data, media->len);
	struct side *side = &w->side[role];

	if (media->len != CONTROL_BYTES || number / 2 >= CONTROLS_MAX ||
	    (number & 1) != (role == SENDER ? RECEIVER : SENDER))
		fail(w, "a control packet came out that never went in");
	else if (side->control_seen[number / 2]++)
		fail(w, "a control packet came out twice");
	else
		w->figures->control_delivered++;
}

static void send_datagram(struct world *w, unsigned role, const struct bond_datagram *d)
{
	unsigned i = role == SENDER ? d->link : d->to.bytes[1];
	struct uplink *u;

	if (!d->len || d->len > WIRE_DATAGRAM_MAX || i >= w->links) {
		fail(w, i == ELSEWHERE_LINK ? "the bond answers to junk"
					    : "the bond sends an impossible datagram");
		return;
	}
	u = &w->uplink[i];
	hash_event(w, 3 + role, i, d->data, d->len);
	if (role == SENDER) {
		uint64_t second = w->now / USEC_PER_SEC;
		uint64_t bytes = d->len + IP_UDP_BYTES;

		if (!u->present || d->to.len != 1)
			fail(w, "the bond sends on an uplink that is not there");
		w->figures->up_bytes += bytes;
		w->figures->link[i].bytes += bytes;
		if (second < WORLD_SECONDS_MAX)
			w->figures->link[i].second[second] += (uint32_t)bytes;
		(void)link_send(u->up, d->data, d->len, u->port, w->now);
	} else {
		w->figures->down_bytes += d->len + IP_UDP_BYTES;
		(void)link_send(u->down, d->data, d->len, d->to.bytes[2], w->now);
	}
}

static void tell(struct world *w, unsigned role, const struct bond_event *event)
{
	struct world_figures *f = w->figures;

	hash_word(w, w->now << 8 | (uint64_t)event->kind << 4 | 15);
	TRACE(w,
	      "\"ev\":\"%s\",\"side\":%u,\"path\":%u,\"from\":\"%s\",\"to\":\"%s\",\"bps\":%" PRIu64
	      ",\"reason\":\"%s\"",
	      event->kind == BOND_EVENT_SESSION_UP     ? "up"
	      : event->kind == BOND_EVENT_SESSION_DOWN ? "down"
	      : event->kind == BOND_EVENT_PATH	       ? "path"
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

static void deliver(struct world *w, unsigned role, const struct bond_media *media)
{
	const char *why;

	hash_event(w, 5, role, media->data, media->len);
	if (media->kind != BOND_MEDIA_DATA) {
		check_control(w, role, media);
		return;
	}
	why = role == SENDER ? "media came out at the sender"
			     : recorder_delivered(&w->recorder, media->data, media->len,
						  media->lost, w->now);
	if (why)
		fail(w, why);
	if (media->lost)
		TRACE(w, "\"ev\":\"lost\",\"seq\":%" PRIu64 ",\"lost\":%" PRIu64, media->seq,
		      media->lost);
}

/* One turn of a driver, as bond.h says it. Returns how much came of it. */
static unsigned turn(struct world *w, unsigned role)
{
	struct bond *bond = w->side[role].bond;
	usec_t now = local_now(w, role);
	struct bond_datagram datagram;
	struct bond_media media;
	struct bond_event event;
	unsigned results = 0;

	if (bond_wakeup_at(bond) <= now)
		bond_wakeup(bond, now);
	for (; results < TURN_BOUND && bond_next_datagram(bond, &datagram, now); results++)
		send_datagram(w, role, &datagram);
	for (; results < TURN_BOUND && bond_next_media(bond, &media, now); results++)
		deliver(w, role, &media);
	for (; results < TURN_BOUND && bond_next_event(bond, &event); results++)
		tell(w, role, &event);
	if (results == TURN_BOUND)
		fail(w, "a turn does not end");
	return results;
}

static void turns(struct world *w, unsigned role)
{
	struct side *side = &w->side[role];
	bool woken;

	if (!side->bond)
		return;
	woken = bond_wakeup_at(side->bond) <= local_now(w, role);
	if (side->idle_second != w->now / USEC_PER_SEC) {
		side->idle_second = w->now / USEC_PER_SEC;
		side->idle_turns = 0;
	}
	if (!turn(w, role) && woken && ++side->idle_turns > WORLD_IDLE_TURNS)
		fail(w, "the bond wants to be called again and again for nothing");
	if (bond_wakeup_at(side->bond) > local_now(w, role))
		return;
	(void)turn(w, role);
	if (bond_wakeup_at(side->bond) <= local_now(w, role))
		fail(w, "the wake-up stays in the past");
}

/* --- looking at it --------------------------------------------------------------------------- */

static void trace_sample(struct world *w, const struct bond_stats *stats)
{
	for (unsigned i = 0; i < stats->paths; i++) {
		const struct bond_path_stats *p = &stats->path[i];

		if (p->state == BOND_PATH_OFF || p->link >= w->links)
			continue;
		TRACE(w,
		      "\"ev\":\"path-sample\",\"link\":\"%s\",\"state\":\"%s\",\"tx_bps\":%" PRIu64
		      ",\"capacity\":%" PRIu64 ",\"real\":%" PRIu64 ",\"rtt\":%" PRIu64
		      ",\"queue\":%" PRIu64 ",\"window\":%" PRIu64 ",\"inflight\":%" PRIu64
		      ",\"media\":%" PRIu64 ",\"copies\":%" PRIu64 ",\"lost\":%" PRIu64
		      ",\"loss_ppm\":%u,\"link_queue\":%" PRIu64,
		      p->name, bond_path_state_text(p->state), p->tx_bps, p->capacity_bps,
		      link_rate_bps(w->uplink[p->link].up), p->rtt, p->queue, p->window_bytes,
		      p->inflight_bytes, p->media_packets, p->copy_packets, p->lost_packets,
		      p->loss_ppm, link_queued_bytes(w->uplink[p->link].up));
	}
	TRACE(w,
	      "\"ev\":\"sample\",\"queued\":%" PRIu64 ",\"queue_age\":%" PRIu64
	      ",\"delivered\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"late\":%" PRIu64
	      ",\"advice\":%" PRIu64 ",\"source\":%" PRIu64,
	      stats->media_queued, stats->media_queue_age, stats->media_delivered,
	      stats->media_lost, stats->media_late, stats->advice_bps, w->source.config.rate_bps);
}

static void sample(struct world *w)
{
	static const uint64_t absurd = UINT64_C(1) << 40;
	struct bond_stats stats;

	w->sample_at += world_length(w->config) > LONG_RUN ? LONG_SAMPLE_EVERY : SAMPLE_EVERY;
	for (unsigned role = 0; role < 2; role++) {
		if (!w->side[role].bond)
			continue;
		bond_stats(w->side[role].bond, &stats, local_now(w, role));
		if (stats.paths > BOND_PATHS_MAX || stats.media_queued > absurd ||
		    stats.media_held > absurd || stats.media_lost > absurd)
			fail(w, "a count of the bond went below zero");
		for (unsigned i = 0; i < stats.paths; i++)
			if (stats.path[i].inflight_bytes > absurd ||
			    stats.path[i].state > BOND_PATH_DEAD)
				fail(w, "a count of a path went below zero");
		if (role == SENDER)
			trace_sample(w, &stats);
	}
}

static void finish(struct world *w)
{
	struct world_figures *f = w->figures;
	struct bond_stats stats;

	for (unsigned role = 0; role < 2; role++) {
		if (!w->side[role].bond)
			continue;
		count_bond(w, role, &stats);
		if (stats.media_queued || stats.media_held)
			fail(w, "media is left in the bond after its time");
		if (role == RECEIVER)
			continue;
		f->media_packets = w->media_before;
		f->copy_packets = w->copies_before;
		for (unsigned i = 0; i < stats.paths; i++) {
			const struct bond_path_stats *p = &stats.path[i];

			f->media_packets += p->media_packets;
			f->copy_packets += p->copy_packets;
			if (p->link < w->links) {
				f->link[p->link].media += p->media_packets;
				f->link[p->link].copies += p->copy_packets;
			}
		}
	}
	recorder_finish(&w->recorder);
	f->media = w->recorder.figures;
	f->links = w->links;
	for (unsigned i = 0; i < w->links; i++)
		memcpy(f->link[i].name, w->uplink[i].name, sizeof(f->link[i].name));
}

/* --- the run --------------------------------------------------------------------------------- */

static usec_t next_at(const struct world *w)
{
	usec_t at = usec_min(timeline_next_at(w->timeline), w->sample_at);

	at = usec_min(at, usec_min(w->source.next_at, usec_min(w->junk_at, w->control_at)));
	for (unsigned i = 0; i < w->links; i++) {
		at = usec_min(at, link_next_at(w->uplink[i].up));
		at = usec_min(at, link_next_at(w->uplink[i].down));
	}
	for (unsigned role = 0; role < 2; role++)
		if (w->side[role].bond)
			at = usec_min(at, clock_world(&w->side[role].clock,
						      bond_wakeup_at(w->side[role].bond)));
	return at;
}

static void step(struct world *w)
{
	struct timeline_event event;

	w->figures->events++;
	while (timeline_next(w->timeline, w->now, &event))
		happen(w, &event);
	for (unsigned i = 0; i < w->links; i++)
		arrivals(w, i);
	while (w->source.next_at <= w->now)
		submit_media(w);
	if (w->control_at <= w->now)
		submit_control(w);
	if (w->junk_at <= w->now)
		throw_junk(w);
	turns(w, SENDER);
	turns(w, RECEIVER);
	if (w->sample_at <= w->now)
		sample(w);
}

static int begin_links(struct world *w)
{
	const struct link_config config = { .overhead_bytes = IP_UDP_BYTES };
	struct link *up[SCENARIO_LINKS_MAX], *down[SCENARIO_LINKS_MAX];

	w->links = w->scenario.links;
	for (unsigned i = 0; i < w->links; i++) {
		struct uplink *u = &w->uplink[i];
		const struct scenario_link *link = &w->scenario.link[i];

		u->name = link->name;
		up[i] = u->up = link_new(&config, 0, rng_u64(&w->rng), 0);
		down[i] = u->down = link_new(&config, 0, rng_u64(&w->rng), 0);
		if (!u->up || !u->down)
			return -ENOMEM;
		w->on[i] = (struct timeline_link){ .name = u->name, .up = u->up, .down = u->down };
		timeline_begin(&w->scenario, link, &w->on[i], 0);
		u->path = (struct bond_path_config){ .link = i, .remote = receiver_address() };
		memcpy(u->path.name, u->name, sizeof(u->path.name));
		u->path_id = -1;
		for (unsigned k = 0; k < link->words; k++)
			if (knows_word(link->name, link->word[k].text))
				link_event(w, i, link->word[k].text);
		u->present = true;
	}
	if (w->config->prepare)
		w->config->prepare(up, down, w->links, w->seed);
	w->timeline = timeline_new(&w->scenario, w->on, w->links, 0);
	return w->timeline ? 0 : -ENOMEM;
}

static int begin(struct world *w)
{
	usec_t margin = bond_feed_margin(world_latency(w->config));
	int r;

	if (scenario_parse(&w->scenario, w->config->scenario, w->config->name, knows_word, stderr))
		return -EINVAL;
	for (unsigned role = 0; role < 2; role++)
		w->side[role].clock = (struct clock){
			.origin = rng_below(&w->rng, 1000000) * USEC_PER_SEC,
			.ppm = role == RECEIVER ? w->config->skew_ppm : 0,
		};
	r = begin_links(w);
	if (!r)
		r = start_bond(w, SENDER);
	if (!r)
		r = start_bond(w, RECEIVER);
	/* Half of the margin is for what the estimate of the one-way delay may be wrong by. */
	if (!r)
		r = recorder_init(&w->recorder, world_latency(w->config) - margin / 2);
	if (!r)
		r = junk_init(&w->junk, w->seed);
	source_init(&w->source, &w->config->source, rng_u64(&w->rng), WORLD_LEAD,
		    WORLD_LEAD + world_length(w->config));
	w->junk_at = USEC_NEVER;
	w->control_at = w->config->control_every ? WORLD_LEAD : USEC_NEVER;
	return r;
}

static void end(struct world *w)
{
	for (unsigned role = 0; role < 2; role++)
		if (w->side[role].bond)
			w->side[role].bond = bond_free(w->side[role].bond);
	junk_deinit(&w->junk);
	recorder_deinit(&w->recorder);
	timeline_free(w->timeline);
	for (unsigned i = 0; i < w->links; i++) {
		link_free(w->uplink[i].up);
		link_free(w->uplink[i].down);
	}
	scenario_deinit(&w->scenario);
}

int world_run(const struct world_config *config, uint64_t seed, FILE *trace,
	      struct world_figures *ret_figures)
{
	struct world *w = calloc(1, sizeof(*w));
	usec_t over = WORLD_LEAD + world_length(config) + world_latency(config) + SETTLE_TIME;
	int r;

	if (!w)
		return -ENOMEM;
	memset(ret_figures, 0, sizeof(*ret_figures));
	w->config = config;
	w->seed = seed;
	w->trace = trace;
	w->rng = rng_of(seed);
	w->figures = ret_figures;
	r = begin(w);
	while (!r && !w->figures->failure) {
		usec_t at = next_at(w);

		if (at > over)
			break;
		w->now = usec_max(at, w->now);
		if (w->control_at > WORLD_LEAD + world_length(config))
			w->control_at = USEC_NEVER;
		step(w);
	}
	if (!r)
		finish(w);
	end(w);
	free(w);
	return r;
}
