#include "sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bondsetup.h"
#include "checkup.h"
#include "caps.h"
#include "encoder.h"
#include "input.h"
#include "journal.h"
#include "limit.h"
#include "links.h"
#include "live.h"
#include "net/feed.h"
#include "net/pump.h"
#include "net/routes.h"
#include "net/uplinks.h"
#include "quality.h"
#include "record.h"
#include "rules.h"
#include "rehearsal.h"
#include "snapshot.h"
#include "steer.h"
#include "sys/log.h"
#include "sys/messages.h"
#include "sys/state.h"
#include "transport.h"

/*
 * The parts in the order of the data path:
 *
 *     input -> stream -+-> record
 *                      +-> [encoder ->] live (gate) -> transport -> bond -> uplinks
 *
 * All of them are there from the start to the end, but the transport's worker (feed srt), which
 * runs while there is a session.
 *
 * A clean stop goes the same way: each part is stopped when what stands before it is, so that
 * everything that came in is recorded and sent; then the bond says goodbye. One deadline for all.
 */
#define RING_BYTES    (16 * 1024 * 1024) /* 13 s at 10 Mb/s for the recording */
#define TICK	      USEC_PER_SEC
#define STOP_TICK     (20 * USEC_PER_MS)
#define STOP_MAX      (5 * USEC_PER_SEC)
#define STOP_PATIENCE USEC_PER_SEC
#define SETTLE	      (100 * USEC_PER_MS) /* for the round trips of further paths */
#define SETTLE_MAX    USEC_PER_SEC	  /* without any round trip known */
#define SILENCE	      (5 * USEC_PER_SEC)  /* without a session: a person is told */
#define SILENCE_AGAIN (60 * USEC_PER_SEC)

enum stop_phase {
	STOP_NOT,
	STOP_INPUT,
	STOP_ENCODER,
	STOP_WORKERS,
	STOP_DELIVERY,
};

struct sender {
	struct role *role;
	struct loop *loop;
	struct journal journal;
	struct feeds *stream;
	struct input *input;
	struct job *record;
	struct encoder *encoder;
	struct live *live;
	struct transport *transport;
	struct bond *bond;
	struct pump *pump;
	struct uplinks *uplinks;
	struct checkup *checkup;
	struct quality *quality;
	struct routes *routes; /* NULL: they are not managed */
	struct steer *steer;
	struct caps *caps;
	struct rehearsal *rehearsal;
	struct loop_timer tick, settle, stop;
	usec_t settle_since; /* when the session came up */
	bool session_up;
	usec_t down_since;   /* when there was none any more, or the start */
	usec_t tell_silence; /* when a person is told (again) that nobody answers */
	struct limit limit;
	enum stop_phase stopping;
	usec_t stop_deadline;
};

/* --- the bond's ports ----------------------------------------------------------------------- */

static void port_send(void *owner, const struct bond_datagram *datagram)
{
	struct sender *sender = owner;

	uplinks_send(sender->uplinks, datagram);
}

static void port_media(void *owner, const struct bond_media *media)
{
	struct sender *sender = owner;

	if (rehearsal_take(sender->rehearsal, media) || limit_take(&sender->limit, media))
		return;
	transport_media(sender->transport, media);
}

static void port_flush(void *owner)
{
	struct sender *sender = owner;

	uplinks_flush(sender->uplinks);
	transport_flush(sender->transport);
}

/* The transport starts a moment after the session, when the round trip of the best path is known:
 * it decides how the latency is divided. */
static void on_settle(struct loop_timer *timer)
{
	struct sender *sender = timer->owner;
	usec_t now = loop_now(sender->loop);
	struct bond_stats stats;

	if (!sender->session_up || sender->stopping)
		return;
	bond_stats(sender->bond, &stats, now);
	if (!stats.rtt_min && usec_since(sender->settle_since, now) < SETTLE_MAX) {
		loop_timer_set(timer, now + SETTLE);
		return;
	}
	transport_start(sender->transport, stats.latency, stats.rtt_min / 2);
}

/* Feed srt is what every receiver takes, feed ts must be offered by it. */
static void feed_begin(struct sender *sender, enum bond_feed feed, usec_t now)
{
	if (feed == BOND_FEED_TS) {
		if (!sender->stopping)
			transport_start_ts(sender->transport);
		return;
	}
	if (sender->role->config->feed == CONFIG_FEED_TS)
		journal_add(&sender->journal, LOG_LEVEL_WARNING, NULL,
			    "receiver %s does not take feed ts (it is set to srt, or too old); "
			    "sending feed srt",
			    uplinks_receiver(sender->uplinks));
	/* Another session: the receiver may be another process. */
	transport_abort(sender->transport);
	sender->settle_since = now;
	loop_timer_set(&sender->settle, now + SETTLE);
}

static void session_came(struct sender *sender)
{
	usec_t now = loop_now(sender->loop);
	struct bond_stats stats;

	bond_stats(sender->bond, &stats, now);
	journal_add(&sender->journal, LOG_LEVEL_INFO, MESSAGE_SESSION_UP,
		    "receiver %s answers; latency %llu ms, feed %s",
		    uplinks_receiver(sender->uplinks),
		    (unsigned long long)(stats.latency / USEC_PER_MS),
		    stats.feed == BOND_FEED_TS ? "ts" : "srt");
	service_status(sender->role->service, "Sending to %s", uplinks_receiver(sender->uplinks));
	sender->session_up = true;
	feed_begin(sender, stats.feed, now);
}

static void session_went(struct sender *sender, const struct bond_event *event)
{
	usec_t now = loop_now(sender->loop);

	journal_add(&sender->journal, LOG_LEVEL_WARNING, MESSAGE_SESSION_DOWN,
		    "receiver %s is gone: %s; asking for it", uplinks_receiver(sender->uplinks),
		    bond_reason_text(event->reason));
	service_status(sender->role->service, "Waiting for %s", uplinks_receiver(sender->uplinks));
	transport_abort(sender->transport);
	sender->session_up = false;
	sender->down_since = now;
	sender->tell_silence = now + SILENCE;
}

static void port_event(void *owner, const struct bond_event *event)
{
	struct sender *sender = owner;

	switch (event->kind) {
	case BOND_EVENT_SESSION_UP:
		session_came(sender);
		break;
	case BOND_EVENT_SESSION_DOWN:
		session_went(sender, event);
		break;
	case BOND_EVENT_PATH:
		snapshot_tell_path(&sender->journal, sender->bond, event, loop_now(sender->loop));
		break;
	case BOND_EVENT_ADVICE:
		limit_advise(&sender->limit, event->bps, bond_reason_text(event->reason));
		break;
	}
}

/* --- other callbacks ------------------------------------------------------------------------ */

static void on_uplink_log(void *owner, int level, const char *text)
{
	struct sender *sender = owner;

	journal_add(&sender->journal, level, MESSAGE_UPLINK_STATE, "%s", text);
}

static void on_want_key(void *owner)
{
	struct sender *sender = owner;

	encoder_ask_key(sender->encoder);
}

static void tell_silence(struct sender *sender, usec_t now)
{
	if (sender->session_up || now < sender->tell_silence)
		return;
	sender->tell_silence = now + SILENCE_AGAIN;
	if (uplinks_open_count(sender->uplinks))
		journal_add(&sender->journal, LOG_LEVEL_WARNING, NULL,
			    "no answer from %s on any uplink: is the receiver running, is its UDP "
			    "port open, is the key the same? Asking on",
			    uplinks_receiver(sender->uplinks));
	else
		journal_add(&sender->journal, LOG_LEVEL_WARNING, NULL,
			    "no uplink can be used (see above); waiting for one");
}

/* Every uplink, and every interface that would be one had it a route. */
static void routes_tick(struct sender *sender)
{
	const struct config *config = sender->role->config;
	struct routes_uplink list[ROUTES_MAX];
	struct uplinks_interface interface;
	unsigned count = 0;

	if (!sender->routes)
		return;
	for (unsigned i = 0; uplinks_interface(sender->uplinks, i, &interface); i++) {
		if (count == ROUTES_MAX || !interface.item ||
		    (!interface.uplink[0] && !interface.lacks_route))
			continue;
		list[count] = (struct routes_uplink){ 0 };
		memcpy(list[count].device, interface.item->device, sizeof(list[count].device));
		for (unsigned k = 0; k < config->uplink_count; k++)
			if (!strcmp(config->uplinks[k].name, interface.section) ||
			    !strcmp(config->uplinks[k].name, interface.uplink))
				memcpy(list[count].gateway, config->uplinks[k].gateway,
				       sizeof(list[count].gateway));
		count++;
	}
	routes_sync(sender->routes, list, count);
	checkup_routes_problem(sender->checkup, routes_problem(sender->routes));
}

static void on_tick(struct loop_timer *timer)
{
	struct sender *sender = timer->owner;
	usec_t now = loop_now(sender->loop);

	loop_timer_set(timer, now + TICK);
	bondsetup_clock(sender->bond, loop_clock());
	routes_tick(sender);
	quality_tick(sender->quality, sender->uplinks);
	input_tick(sender->input);
	encoder_tick(sender->encoder);
	limit_tick(&sender->limit);
	live_tick(sender->live);
	transport_tick(sender->transport);
	if (sender->record)
		job_tick(sender->record);
	caps_tick(sender->caps, sender->bond);
	tell_silence(sender, now);
}

static void sender_stats(void *owner, struct stats *stats)
{
	struct sender *sender = owner;

	bond_stats(sender->bond, &stats->bond, loop_now(sender->loop));
	if (sender->limit.told_bps)
		stats->bond.advice_bps = sender->limit.told_bps;
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		const struct uplink *uplink = uplinks_get(sender->uplinks, i);
		struct stats_uplink *place = &stats->uplink[stats->uplinks];

		snapshot_uplink(stats, uplink);
		if (uplink && place < &stats->uplink[stats->uplinks])
			quality_stats(sender->quality, uplink, place);
	}
	for (unsigned i = 0; i < stats->uplinks; i++)
		caps_stats(sender->caps, &stats->uplink[i]);
	snapshot_interfaces(stats, sender->uplinks);
	snapshot_shares(stats);
	checkup_stats(sender->checkup, stats);
	input_stats(sender->input, stats);
	if (sender->record)
		snapshot_job(stats, sender->record);
	encoder_stats(sender->encoder, stats);
	live_stats(sender->live, stats);
	transport_stats(sender->transport, stats);
	journal_stats(&sender->journal, stats);
	snapshot_stream(stats, input_is_live(sender->input));
}

/* --- reload --------------------------------------------------------------------------------- */

static void uplinks_configure(struct sender *sender, const struct config *config)
{
	struct rule rules[CONFIG_UPLINKS_MAX];
	struct uplinks_config set = {
		.rules = rules,
		.rule_count = rules_of(config, rules),
		.listed_only = config->uplinks_only,
	};

	for (unsigned i = 0; i < config->receivers && i < UPLINKS_RECEIVERS_MAX; i++)
		set.receivers[set.receiver_count++] = config->to[i];
	uplinks_set(sender->uplinks, &set);
	rehearsal_limit(sender->rehearsal, config->advice_max_bps);
	caps_set(sender->caps, config);
	caps_tick(sender->caps, sender->bond);
}

static void sender_reload(void *owner, const struct config *old, const struct config *fresh)
{
	struct sender *sender = owner;

	uplinks_configure(sender, fresh);
	bond_set_policy(sender->bond, fresh->policy, loop_now(sender->loop));
	pump_turn(sender->pump);
	journal_restarts(&sender->journal, old, fresh);
}

/* --- stop ----------------------------------------------------------------------------------- */

static bool is_delivered(struct sender *sender)
{
	struct bond_stats stats;

	bond_stats(sender->bond, &stats, loop_now(sender->loop));
	return !stats.session_up || !stats.media_owed;
}

/* Takes the stop as many phases further as can be done now; true: it is through. */
static bool stop_step(struct sender *sender)
{
	switch (sender->stopping) {
	case STOP_NOT:
		rehearsal_stop(sender->rehearsal);
		input_stop(sender->input);
		sender->stopping = STOP_INPUT;
		/* fall through */
	case STOP_INPUT:
		if (!input_is_stopped(sender->input))
			return false;
		if (sender->record)
			job_stop(sender->record, STOP_PATIENCE);
		encoder_stop(sender->encoder);
		sender->stopping = STOP_ENCODER;
		/* fall through */
	case STOP_ENCODER:
		if (!encoder_is_stopped(sender->encoder))
			return false;
		live_flush(sender->live);
		transport_stop(sender->transport, STOP_PATIENCE);
		sender->stopping = STOP_WORKERS;
		/* fall through */
	case STOP_WORKERS:
		if (!transport_is_stopped(sender->transport) ||
		    (sender->record && !job_is_stopped(sender->record)))
			return false;
		sender->stopping = STOP_DELIVERY;
		/* fall through */
	case STOP_DELIVERY:
		break;
	}
	return is_delivered(sender);
}

static void on_stop_tick(struct loop_timer *timer)
{
	struct sender *sender = timer->owner;
	usec_t now = loop_now(sender->loop);

	if (!stop_step(sender) && now < sender->stop_deadline) {
		loop_timer_set(timer, now + STOP_TICK);
		return;
	}
	if (now >= sender->stop_deadline)
		log_warning("stop: not everything was finished in time");
	bond_close(sender->bond, WIRE_CLOSE_DONE, now);
	pump_turn(sender->pump);
	loop_stop(sender->loop);
}

static void sender_stop(void *owner)
{
	struct sender *sender = owner;

	sender->stop_deadline = loop_now(sender->loop) + STOP_MAX;
	on_stop_tick(&sender->stop);
}

/* Standard input has ended: like any filter, we end with it. */
static void on_input_end(void *owner)
{
	struct sender *sender = owner;

	if (!sender->stopping)
		sender_stop(sender);
}

static void on_unmute(void *owner, const char *name)
{
	struct sender *sender = owner;

	caps_lift(sender->caps, name);
}

static bool is_live(void *owner)
{
	struct sender *sender = owner;

	return input_is_live(sender->input);
}

/* What an operator can ask for; false: out of memory. */
static bool steer_start(struct sender *sender)
{
	const struct steer_config config = {
		.loop = sender->loop,
		.bond = sender->bond,
		.pump = sender->pump,
		.uplinks = sender->uplinks,
		.journal = &sender->journal,
		.on_unmute = on_unmute,
		.owner = sender,
	};
	const struct rehearsal_config rehearsal = {
		.loop = sender->loop,
		.bond = sender->bond,
		.pump = sender->pump,
		.uplinks = sender->uplinks,
		.journal = &sender->journal,
		.is_live = is_live,
		.owner = sender,
	};
	char file[STATE_PATH_MAX];

	sender->rehearsal = rehearsal_new(&rehearsal);
	sender->steer = steer_new(&config);
	if (sender->steer)
		sender->caps = caps_new(sender->loop, state_path("usage", file) ? file : NULL,
					sender->uplinks, sender->steer, &sender->journal);
	if (!sender->caps || !sender->rehearsal)
		return false;
	steer_listen(sender->steer, sender->role->control);
	rehearsal_listen(sender->rehearsal, sender->role->control);
	links_listen(sender->uplinks, sender->role->control);
	return true;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int sender_start(struct sender *sender)
{
	const struct config *config = sender->role->config;
	struct pump_ports ports = {
		.send = port_send,
		.media = port_media,
		.flush = port_flush,
		.event = port_event,
		.owner = sender,
	};
	usec_t now = loop_now(sender->loop);

	sender->stream = feeds_new(sender->loop, RING_BYTES);
	sender->bond = bondsetup_new(config, now);
	if (!sender->stream || !sender->bond)
		return EX_OSERR;
	sender->pump = pump_new(sender->loop, sender->bond, &ports);
	sender->uplinks = uplinks_new(sender->loop, sender->bond, on_uplink_log, sender);
	if (sender->uplinks)
		sender->checkup =
			checkup_new(sender->loop, sender->uplinks, sender->bond, &sender->journal);
	if (config->manage_routes && !(sender->routes = routes_new()))
		return EX_OSERR;
	sender->encoder = encoder_new(sender->loop, config, control_path(sender->role->control),
				      sender->stream, &sender->journal);
	sender->quality = quality_new(sender->loop);
	if (!sender->pump || !sender->checkup || !sender->quality || !sender->encoder)
		return EX_OSERR;
	(void)control_command_add(sender->role->control, "doctor", checkup_command,
				  sender->checkup);
	sender->live = live_new(sender->loop, sender->stream, encoder_stream(sender->encoder),
				config->encoder_control != CONFIG_CONTROL_NONE, sender->bond,
				&sender->journal);
	if (!sender->live)
		return EX_OSERR;
	live_on_want_key(sender->live, on_want_key, sender);
	sender->limit = (struct limit){ .encoder = sender->encoder,
					.live = sender->live,
					.journal = &sender->journal,
					.advice_max_bps = config->advice_max_bps };
	sender->transport =
		transport_caller_new(sender->loop, live_stream(sender->live), sender->bond,
				     sender->pump, &sender->journal, config->rate_max_bps);
	sender->record =
		record_new(sender->loop, &config->record, sender->stream, &sender->journal);
	sender->input = input_new(sender->loop, config, sender->stream, &sender->journal,
				  on_input_end, sender);
	if (!sender->transport || !sender->input || !steer_start(sender))
		return EX_OSERR;
	sender->down_since = now;
	sender->tell_silence = now + SILENCE;
	uplinks_attach(sender->uplinks, sender->pump);
	uplinks_configure(sender, config);
	journal_add(&sender->journal, LOG_LEVEL_INFO, NULL,
		    "sender: waiting for receiver %s; key %s, latency %llu ms",
		    uplinks_receiver(sender->uplinks), config->fingerprint,
		    (unsigned long long)(config->latency / USEC_PER_MS));
	loop_timer_set(&sender->tick, now + TICK);
	return 0;
}

static void sender_deinit(struct sender *sender)
{
	loop_timer_deinit(&sender->tick);
	loop_timer_deinit(&sender->settle);
	loop_timer_deinit(&sender->stop);
	sender->input = input_free(sender->input);
	sender->record = job_free(sender->record);
	sender->transport = transport_free(sender->transport);
	sender->live = live_free(sender->live);
	sender->encoder = encoder_free(sender->encoder);
	sender->quality = quality_free(sender->quality);
	sender->routes = routes_free(sender->routes);
	sender->checkup = checkup_free(sender->checkup);
	sender->rehearsal = rehearsal_free(sender->rehearsal);
	sender->caps = caps_free(sender->caps);
	sender->steer = steer_free(sender->steer);
	sender->uplinks = uplinks_free(sender->uplinks);
	sender->pump = pump_free(sender->pump);
	sender->bond = bond_free(sender->bond);
	sender->stream = feeds_free(sender->stream);
}

int sender_run(struct role *role)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	int status;

	if (!sender)
		return EX_OSERR;
	sender->role = role;
	sender->loop = role->loop;
	loop_timer_init(&sender->tick, role->loop, on_tick, sender);
	loop_timer_init(&sender->settle, role->loop, on_settle, sender);
	loop_timer_init(&sender->stop, role->loop, on_stop_tick, sender);
	status = sender_start(sender);
	if (!status) {
		role->owner = sender;
		role->on_stats = sender_stats;
		role->on_reload = sender_reload;
		role->on_stop = sender_stop;
		service_ready(role->service, "Waiting for the receiver");
		loop_run(role->loop);
		role->on_stats = NULL;
		role->on_reload = NULL;
		role->on_stop = NULL;
	}
	sender_deinit(sender);
	free(sender);
	return status;
}
