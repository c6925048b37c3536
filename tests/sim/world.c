#include "sim/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*
 * The world's time is one number; it jumps to the earliest moment at which a part wants something.
 * Each side has its own clock, with another origin and its own speed, so that nobody can compare
 * the two.
 */

#define SAMPLE_EVERY	  (100 * USEC_PER_MS)
#define LONG_RUN	  (3600 * USEC_PER_SEC)
#define LONG_SAMPLE_EVERY (10 * USEC_PER_SEC)
#define SETTLE_TIME	  (3 * USEC_PER_SEC) /* beyond the latency, for the last acknowledgements */

void world_fail(struct world *w, const char *why)
{
	if (w->figures->failure)
		return;
	w->figures->failure = why;
	w->figures->failed_at = w->now;
}

void world_hash(struct world *w, uint64_t word)
{
	w->figures->hash = (w->figures->hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	w->figures->hash ^= w->figures->hash >> 29;
}

void world_hash_event(struct world *w, uint64_t kind, uint64_t who, const uint8_t *data, size_t len)
{
	if (w->config->unhashed)
		return;
	world_hash(w, w->now << 8 | kind << 4 | who);
	world_hash(w, len);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, data + i, sizeof(word));
		world_hash(w, word);
	}
}

void world_trace(struct world *w, const char *format, ...)
{
	va_list arguments;

	if (!w->trace)
		return;
	fprintf(w->trace, "{\"t\":%.6f,", (double)w->now / USEC_PER_SEC);
	va_start(arguments, format);
	vfprintf(w->trace, format, arguments);
	va_end(arguments);
	fputs("}\n", w->trace);
}

/* --- looking at it --------------------------------------------------------------------------- */

static void trace_sample(struct world *w, const struct bond_stats *stats)
{
	for (unsigned i = 0; i < stats->paths; i++) {
		const struct bond_path_stats *p = &stats->path[i];

		if (p->state == BOND_PATH_OFF || p->link >= w->links)
			continue;
		world_trace(w,
			    "\"ev\":\"path-sample\",\"link\":\"%s\",\"state\":\"%s\",\"tx_bps\":"
			    "%" PRIu64 ",\"capacity\":%" PRIu64 ",\"real\":%" PRIu64
			    ",\"rtt\":%" PRIu64 ",\"queue\":%" PRIu64 ",\"window\":%" PRIu64
			    ",\"inflight\":%" PRIu64 ",\"media\":%" PRIu64 ",\"copies\":%" PRIu64
			    ",\"lost\":%" PRIu64 ",\"loss_ppm\":%u,\"link_queue\":%" PRIu64,
			    p->name, bond_path_state_text(p->state), p->tx_bps, p->capacity_bps,
			    field_rate_bps(&w->field, p->link, w->now), p->rtt, p->queue,
			    p->window_bytes, p->inflight_bytes, p->media_packets, p->copy_packets,
			    p->lost_packets, p->loss_ppm, link_queued_bytes(w->uplink[p->link].up));
	}
	world_trace(w,
		    "\"ev\":\"sample\",\"queued\":%" PRIu64 ",\"queue_age\":%" PRIu64
		    ",\"delivered\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"late\":%" PRIu64
		    ",\"advice\":%" PRIu64 ",\"source\":%" PRIu64,
		    stats->media_queued, stats->media_queue_age, stats->media_delivered,
		    stats->media_lost, stats->media_late, stats->advice_bps,
		    w->source.config.rate_bps);
}

static void sample(struct world *w)
{
	static const uint64_t absurd = UINT64_C(1) << 40;
	struct bond_stats stats;

	w->sample_at += world_length(w->config) > LONG_RUN ? LONG_SAMPLE_EVERY : SAMPLE_EVERY;
	for (unsigned role = 0; role < 2; role++) {
		if (!w->side[role].bond)
			continue;
		bond_stats(w->side[role].bond, &stats, world_local(w, role));
		if (stats.paths > BOND_PATHS_MAX || stats.media_queued > absurd ||
		    stats.media_held > absurd || stats.media_lost > absurd)
			world_fail(w, "a count of the bond went below zero");
		for (unsigned i = 0; i < stats.paths; i++)
			if (stats.path[i].inflight_bytes > absurd ||
			    stats.path[i].state > BOND_PATH_DEAD)
				world_fail(w, "a count of a path went below zero");
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
		side_count(w, role, &stats);
		if (stats.media_queued || stats.media_held)
			world_fail(w, "media is left in the bond after its time");
		if (role == RECEIVER)
			continue;
		f->media_packets = w->media_before;
		f->parity_packets = w->parity_before + stats.parity_packets;
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
	if (w->gated) {
		f->pictures = w->gated->gate.counters.units;
		f->cut_pictures = gated_cut(w->gated);
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
	usec_t at = usec_min(field_next_at(&w->field), w->sample_at);

	at = usec_min(at, usec_min(w->source.next_at, usec_min(w->junk_at, w->control_at)));
	for (unsigned role = 0; role < 2; role++)
		if (w->side[role].bond)
			at = usec_min(at, localclock_world(&w->side[role].clock,
							   bond_wakeup_at(w->side[role].bond)));
	return at;
}

static void step(struct world *w)
{
	struct timeline_event event;

	w->figures->events++;
	while (timeline_next(w->field.timeline, w->now, &event))
		script_happen(w, &event);
	for (unsigned i = 0; i < w->links; i++)
		traffic_arrivals(w, i);
	while (w->source.next_at <= w->now)
		traffic_submit_media(w);
	if (w->control_at <= w->now)
		traffic_submit_control(w);
	if (w->junk_at <= w->now)
		traffic_junk(w);
	side_turn(w, SENDER);
	side_turn(w, RECEIVER);
	if (w->sample_at <= w->now)
		sample(w);
}

static void begin_uplinks(struct world *w)
{
	w->links = w->field.links;
	for (unsigned i = 0; i < w->links; i++) {
		const struct scenario_link *link = &w->field.scenario.link[i];
		struct uplink *u = &w->uplink[i];

		u->name = link->name;
		u->up = w->field.link[i].up;
		u->down = w->field.link[i].down;
		u->path = (struct bond_path_config){ .link = i,
						     .remote = world_receiver_address(),
						     .header_bytes = FIELD_IP_UDP_BYTES };
		memcpy(u->path.name, u->name, sizeof(u->path.name));
		u->path_id = -1;
		for (unsigned k = 0; k < link->words; k++)
			if (script_knows(link->name, link->word[k].text))
				script_link(w, i, link->word[k].text);
		u->present = true;
	}
}

static int begin(struct world *w)
{
	usec_t margin = bond_feed_margin(world_latency(w->config)), deadline;
	int r;

	/* Links and source first: who else runs the same scenario draws the same chance. */
	r = field_init(&w->field, w->config->scenario, w->config->name, script_knows,
		       w->config->capacity, &w->rng, w->seed);
	if (r)
		return r;
	source_init(&w->source, &w->config->source, rng_u64(&w->rng), WORLD_LEAD,
		    WORLD_LEAD + world_length(w->config));
	for (unsigned role = 0; role < 2; role++)
		w->side[role].clock = (struct localclock){
			.origin = rng_below(&w->rng, 1000000) * USEC_PER_SEC,
			.ppm = role == RECEIVER ? w->config->skew_ppm : 0,
		};
	begin_uplinks(w);
	r = side_start(w, SENDER);
	if (!r)
		r = side_start(w, RECEIVER);
	/* Half of the margin is for what the estimate of the one-way delay may be wrong by. */
	deadline = world_latency(w->config);
	deadline = w->config->feed_ts ? deadline + margin / 2 : deadline - margin / 2;
	if (!r)
		r = recorder_init(&w->recorder, deadline);
	coder_init(&w->coder, &w->config->coder);
	w->gated = w->config->gated ? gated_new(world_local(w, SENDER)) : NULL;
	if (w->config->gated && !w->gated)
		return -ENOMEM;
	w->recorder.from = WORLD_LEAD + w->config->settle;
	w->recorder.unordered = w->config->coder.data;
	if (!r)
		r = junk_init(&w->junk, w->seed);
	w->junk_at = USEC_NEVER;
	w->control_at = w->config->control_every ? WORLD_LEAD : USEC_NEVER;
	return r;
}

static void end(struct world *w)
{
	for (unsigned role = 0; role < 2; role++)
		if (w->side[role].bond)
			w->side[role].bond = bond_free(w->side[role].bond);
	free(w->gated);
	junk_deinit(&w->junk);
	recorder_deinit(&w->recorder);
	coder_deinit(&w->coder);
	field_deinit(&w->field);
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
