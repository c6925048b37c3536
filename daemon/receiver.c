#include "receiver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bondsetup.h"
#include "journal.h"
#include "net/feed.h"
#include "net/mux.h"
#include "net/pump.h"
#include "outputs.h"
#include "record.h"
#include "rehearsed.h"
#include "snapshot.h"
#include "sys/log.h"
#include "sys/messages.h"
#include "transport.h"
#include "wire/note.h"

/*
 * The parts in the order of the data path:
 *
 *     mux -> bond -> transport -> stream -+-> record
 *                                         +-> outputs
 *
 * A sender that goes away takes nothing with it: what it sent last is still played out by the srt
 * worker or the bond, and recording and outputs wait for it to come back.
 */
#define RING_BYTES    (16 * 1024 * 1024) /* 13 s at 10 Mb/s for the recording */
#define TICK	      USEC_PER_SEC
#define STOP_TICK     (20 * USEC_PER_MS)
#define STOP_MAX      (5 * USEC_PER_SEC)
#define STOP_PATIENCE USEC_PER_SEC
#define LIVE_SPAN     (2 * USEC_PER_SEC)
#define LIMIT_AGAIN   (5 * USEC_PER_SEC)
/* The inner leg's latency is the sender's; this one only has to be below it. */
#define INNER_LATENCY (20 * USEC_PER_MS)

struct receiver {
	struct role *role;
	struct loop *loop;
	struct journal journal;
	struct mux *mux;
	struct bond *bond;
	struct pump *pump;
	struct transport *transport;
	struct feeds *stream;
	struct job *record;
	struct outputs *outputs;
	struct rehearsed *rehearsed;
	struct loop_timer tick, stop;
	uint64_t last_bytes;
	usec_t last_change; /* when the count of bytes was another one */
	bool session_up;
	usec_t limit_at; /* when the sender is told again what the outputs take */
	bool stopping;
	usec_t stop_deadline;
};

/* --- the bond's ports ----------------------------------------------------------------------- */

static void port_send(void *owner, const struct bond_datagram *datagram)
{
	struct receiver *receiver = owner;

	mux_send(receiver->mux, datagram);
}

static void port_media(void *owner, const struct bond_media *media)
{
	struct receiver *receiver = owner;

	if (rehearsed_take(receiver->rehearsed, media, receiver->bond,
			   pump_time(receiver->pump, USEC_NEVER)))
		return;
	transport_media(receiver->transport, media);
}

static void port_flush(void *owner)
{
	struct receiver *receiver = owner;

	mux_flush(receiver->mux);
	transport_flush(receiver->transport);
}

/* To the sender; a note may be lost, so it is told again and again. */
static void tell_limit(struct receiver *receiver, const struct config *config)
{
	usec_t now = pump_time(receiver->pump, USEC_NEVER);
	struct note note = { .kind = NOTE_LIMIT, .video_max_bps = outputs_video_max_bps(config) };
	uint8_t bytes[NOTE_MAX];
	size_t len = note_encode(&note, bytes);

	receiver->limit_at = now + LIMIT_AGAIN;
	(void)bond_submit(receiver->bond, BOND_MEDIA_CONTROL, WIRE_CLASS_TABLES, bytes, len, now,
			  now);
	pump_turn(receiver->pump);
}

static void port_event(void *owner, const struct bond_event *event)
{
	struct receiver *receiver = owner;
	usec_t now = loop_now(receiver->loop);
	struct bond_stats stats;

	switch (event->kind) {
	case BOND_EVENT_SESSION_UP:
		bond_stats(receiver->bond, &stats, now);
		journal_add(&receiver->journal, LOG_LEVEL_INFO, MESSAGE_SESSION_UP,
			    "a sender is there: %s; latency %llu ms, feed %s",
			    bond_reason_text(event->reason),
			    (unsigned long long)(stats.latency / USEC_PER_MS),
			    stats.feed == BOND_FEED_TS ? "ts" : "srt");
		if (!receiver->stop_deadline)
			transport_expect(receiver->transport, stats.feed);
		service_status(receiver->role->service, "Receiving");
		receiver->session_up = true;
		tell_limit(receiver, receiver->role->config);
		break;
	case BOND_EVENT_SESSION_DOWN:
		journal_add(&receiver->journal, LOG_LEVEL_WARNING, MESSAGE_SESSION_DOWN,
			    "the sender is gone: %s; waiting for it",
			    bond_reason_text(event->reason));
		service_status(receiver->role->service, "Waiting for the sender");
		receiver->session_up = false;
		break;
	case BOND_EVENT_PATH:
		snapshot_tell_path(&receiver->journal, receiver->bond, event, now);
		break;
	case BOND_EVENT_ADVICE:
		break;
	}
}

/* --- other callbacks ------------------------------------------------------------------------ */

static void on_mux_log(void *owner, int level, const char *text)
{
	struct receiver *receiver = owner;

	journal_add(&receiver->journal, level, MESSAGE_KEY_REFUSED, "%s", text);
}

static void on_tick(struct loop_timer *timer)
{
	struct receiver *receiver = timer->owner;
	uint64_t bytes = feeds_bytes(receiver->stream);

	if (receiver->session_up && loop_now(receiver->loop) >= receiver->limit_at)
		tell_limit(receiver, receiver->role->config);
	loop_timer_set(timer, loop_now(receiver->loop) + TICK);
	if (bytes != receiver->last_bytes)
		receiver->last_change = loop_now(receiver->loop);
	receiver->last_bytes = bytes;
	transport_tick(receiver->transport);
	outputs_tick(receiver->outputs);
	if (receiver->record)
		job_tick(receiver->record);
}

static void receiver_stats(void *owner, struct stats *stats)
{
	struct receiver *receiver = owner;
	usec_t now = loop_now(receiver->loop);
	struct mux_stats mux;

	bond_stats(receiver->bond, &stats->bond, now);
	mux_stats(receiver->mux, &mux);
	stats->bond.input_unknown += mux.foreign + mux.over_rate;
	snapshot_paths(stats, mux_local(receiver->mux));
	snapshot_shares(stats);
	transport_stats(receiver->transport, stats);
	if (receiver->record)
		snapshot_job(stats, receiver->record);
	outputs_stats(receiver->outputs, stats);
	journal_stats(&receiver->journal, stats);
	snapshot_stream(stats, receiver->last_change &&
				       usec_since(receiver->last_change, now) < LIVE_SPAN);
}

static void receiver_reload(void *owner, const struct config *old, const struct config *fresh)
{
	struct receiver *receiver = owner;

	outputs_set(receiver->outputs, fresh);
	if (receiver->session_up)
		tell_limit(receiver, fresh);
	journal_restarts(&receiver->journal, old, fresh);
}

/* --- stop ----------------------------------------------------------------------------------- */

static void on_stop_tick(struct loop_timer *timer)
{
	struct receiver *receiver = timer->owner;
	usec_t now = loop_now(receiver->loop);

	/* What the srt worker still had is out; now those behind it can finish. */
	if (transport_is_stopped(receiver->transport) && !receiver->stopping) {
		receiver->stopping = true;
		outputs_stop(receiver->outputs);
		if (receiver->record)
			job_stop(receiver->record, STOP_PATIENCE);
	}
	if (now < receiver->stop_deadline &&
	    (!receiver->stopping || !outputs_are_stopped(receiver->outputs) ||
	     (receiver->record && !job_is_stopped(receiver->record)))) {
		loop_timer_set(timer, now + STOP_TICK);
		return;
	}
	if (now >= receiver->stop_deadline)
		log_warning("stop: not everything was finished in time");
	bond_close(receiver->bond, WIRE_CLOSE_DONE, now);
	pump_turn(receiver->pump);
	loop_stop(receiver->loop);
}

static void receiver_stop(void *owner)
{
	struct receiver *receiver = owner;

	receiver->stop_deadline = loop_now(receiver->loop) + STOP_MAX;
	transport_stop(receiver->transport, 0);
	/* What was not due yet: the sender would not send it again. */
	bond_drain(receiver->bond, loop_now(receiver->loop));
	pump_turn(receiver->pump);
	on_stop_tick(&receiver->stop);
}

/* --- the whole ------------------------------------------------------------------------------ */

static int listen_start(struct receiver *receiver, const char *listen)
{
	struct bond_address local;
	char text[ADDRESS_TEXT_MAX];

	if (address_parse(listen, &local)) {
		log_err("listen = %s: not a numeric ADDRESS:PORT", listen);
		return EX_CONFIG;
	}
	if (mux_new(receiver->loop, &local, service_listen_fd(receiver->role->service, "bond"),
		    on_mux_log, receiver, &receiver->mux))
		return EX_UNAVAILABLE;
	journal_add(&receiver->journal, LOG_LEVEL_INFO, NULL,
		    "receiver: waiting for the sender at UDP %s; key %s",
		    address_text(mux_local(receiver->mux), text),
		    receiver->role->config->fingerprint);
	return 0;
}

static int receiver_start(struct receiver *receiver)
{
	const struct config *config = receiver->role->config;
	struct pump_ports ports = {
		.send = port_send,
		.media = port_media,
		.flush = port_flush,
		.event = port_event,
		.owner = receiver,
		.fine = true,
	};
	int status = listen_start(receiver, config->listen);

	if (status)
		return status;
	receiver->stream = feeds_new(receiver->loop, RING_BYTES);
	receiver->bond = bondsetup_new(config, loop_now(receiver->loop));
	if (!receiver->stream || !receiver->bond)
		return EX_OSERR;
	receiver->pump = pump_new(receiver->loop, receiver->bond, &ports);
	if (!receiver->pump || mux_add(receiver->mux, receiver->bond, receiver->pump))
		return EX_OSERR;
	receiver->transport = transport_listener_new(
		receiver->loop, receiver->stream, receiver->bond, receiver->pump,
		&receiver->journal, INNER_LATENCY, config->rate_max_bps);
	receiver->outputs = outputs_new(receiver->loop, receiver->stream, &receiver->journal);
	receiver->rehearsed = rehearsed_new();
	if (!receiver->transport || !receiver->outputs || !receiver->rehearsed)
		return EX_OSERR;
	receiver->record =
		record_new(receiver->loop, &config->record, receiver->stream, &receiver->journal);
	outputs_set(receiver->outputs, config);
	loop_timer_set(&receiver->tick, loop_now(receiver->loop) + TICK);
	return 0;
}

static void receiver_deinit(struct receiver *receiver)
{
	loop_timer_deinit(&receiver->tick);
	loop_timer_deinit(&receiver->stop);
	receiver->rehearsed = rehearsed_free(receiver->rehearsed);
	receiver->outputs = outputs_free(receiver->outputs);
	receiver->record = job_free(receiver->record);
	receiver->transport = transport_free(receiver->transport);
	receiver->mux = mux_free(receiver->mux);
	receiver->pump = pump_free(receiver->pump);
	receiver->bond = bond_free(receiver->bond);
	receiver->stream = feeds_free(receiver->stream);
}

int receiver_run(struct role *role)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	int status;

	if (!receiver)
		return EX_OSERR;
	receiver->role = role;
	receiver->loop = role->loop;
	loop_timer_init(&receiver->tick, role->loop, on_tick, receiver);
	loop_timer_init(&receiver->stop, role->loop, on_stop_tick, receiver);
	status = receiver_start(receiver);
	if (!status) {
		role->owner = receiver;
		role->on_stats = receiver_stats;
		role->on_reload = receiver_reload;
		role->on_stop = receiver_stop;
		service_ready(role->service, "Waiting for the sender");
		loop_run(role->loop);
		role->on_stats = NULL;
		role->on_reload = NULL;
		role->on_stop = NULL;
	}
	receiver_deinit(receiver);
	free(receiver);
	return status;
}
