#include "rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rehearsalreport.h"
#include "samples.h"
#include "sys/log.h"
#include "wire/rehearse.h"

/*
 * The media looks like a stream to the uplinks: 25 pictures a second, each a burst of packets,
 * every 50th four times as large as the others. Its bitrate is the advice, so that it climbs as an
 * encoder's would; beside a live stream (--force) it is what that leaves of the advice.
 *
 * Policy backup would leave the dear uplinks untried and broadcast tries the sum of nothing, so a
 * rehearsal uses aggregate and puts back what was before.
 *
 * It is over when its time is, when somebody stops it, when a live stream begins, when the receiver
 * is gone, or when nobody has asked how it goes for ASKED_AGO: whoever started it is gone, and it
 * costs data. After the last packet it waits for what is still out there.
 */
#define TICK	      (5 * USEC_PER_MS)
#define SECOND	      USEC_PER_SEC
#define PICTURE	      (40 * USEC_PER_MS)
#define GROUP	      50 /* pictures */
#define KEY_WEIGHT    4
#define PACKET_BYTES  1316 /* as SRT's: seven packets of MPEG-TS */
#define BURST_PACKETS 8	   /* per tick */
#define SETTLE	      USEC_PER_SEC
#define ASKED_AGO     (15 * USEC_PER_SEC)
#define REPORT_AGO    (8 * USEC_PER_SEC) /* without one: the receiver knows of no rehearsals */
#define SECONDS_MIN   3
#define SECONDS_MAX   3600

enum phase { PHASE_NONE, PHASE_RUNNING, PHASE_SETTLING, PHASE_DONE };

struct rehearsal {
	struct rehearsal_config config;
	uint64_t advice_max_bps;
	struct loop_timer tick;
	enum phase phase;
	char ended[160]; /* why it is over before its time; "" = it is not */
	bool force;
	enum bond_policy policy; /* before it */
	uint32_t id;
	struct rng rng;
	unsigned seconds; /* asked for */
	usec_t began, ends, next_second, next_picture, asked_at, reported_at;
	unsigned picture;    /* of its group */
	unsigned left;	     /* packets of the picture that are not sent yet */
	uint64_t sent;	     /* packets */
	uint64_t live_bytes; /* of the stream beside it, in the last second */
	uint64_t submitted_before, sent_before;
	struct samples *samples;
	struct rehearse_report report;
	char why[256];
};

/* --- media ------------------------------------------------------------------------------------ */

static uint64_t bitrate(const struct rehearsal *r, const struct bond_stats *stats)
{
	uint64_t live = r->live_bytes * 8;

	return stats->advice_bps > live ? stats->advice_bps - live : 0;
}

static void begin_picture(struct rehearsal *r, usec_t now)
{
	struct bond_stats stats;
	uint64_t unit;

	bond_stats(r->config.bond, &stats, now);
	unit = bytes_of_usec(PICTURE * GROUP, bitrate(r, &stats)) / (GROUP - 1 + KEY_WEIGHT);
	r->left += (unsigned)((r->picture ? unit : KEY_WEIGHT * unit) / PACKET_BYTES);
	r->picture = (r->picture + 1) % GROUP;
	r->next_picture += PICTURE;
	if (r->next_picture < now)
		r->next_picture = now + PICTURE;
}

static void send_media(struct rehearsal *r, usec_t now)
{
	uint8_t data[PACKET_BYTES];
	enum wire_class class = r->picture == 1 ? WIRE_CLASS_TABLES : WIRE_CLASS_REFERENCE;

	for (unsigned i = 0; i < BURST_PACKETS && r->left; i++, r->left--) {
		rehearse_media(data, sizeof(data), r->id, &r->rng);
		if (!bond_submit(r->config.bond, BOND_MEDIA_DATA, class, data, sizeof(data), now,
				 now))
			r->sent++;
	}
}

static void ask(struct rehearsal *r, usec_t now)
{
	uint8_t data[REHEARSE_HEADER_BYTES];

	rehearse_ask(data, r->id);
	(void)bond_submit(r->config.bond, BOND_MEDIA_CONTROL, WIRE_CLASS_TABLES, data, sizeof(data),
			  now, now);
}

/* --- its course ------------------------------------------------------------------------------- */

static void finish(struct rehearsal *r, const char *why)
{
	const struct rehearsal_config *c = &r->config;
	struct bond_stats stats;

	bond_stats(c->bond, &stats, loop_now(c->loop));
	(void)snprintf(r->ended, sizeof(r->ended), "%s", why);
	r->phase = PHASE_SETTLING;
	r->left = 0;
	/* Unless the operator has chosen another one meanwhile. */
	if (!r->force && stats.policy == BOND_POLICY_AGGREGATE)
		bond_set_policy(c->bond, r->policy, pump_time(c->pump, USEC_NEVER));
}

static void on_second(struct rehearsal *r, usec_t now)
{
	struct bond_stats stats;
	uint64_t others;

	bond_stats(r->config.bond, &stats, now);
	/* The first difference is of more than a second. */
	others = stats.media_submitted - r->submitted_before - (r->sent - r->sent_before);
	r->live_bytes = r->samples->seconds ? others * PACKET_BYTES : 0;
	samples_add(r->samples, &stats, (r->sent - r->sent_before) * PACKET_BYTES * 8);
	r->submitted_before = stats.media_submitted;
	r->sent_before = r->sent;
	r->next_second += SECOND;
	ask(r, now);
	if (!stats.session_up)
		finish(r, "the receiver is gone");
	else if (!r->force && r->config.is_live(r->config.owner))
		finish(r, "the live stream has begun");
	else if (usec_since(r->asked_at, now) > ASKED_AGO)
		finish(r, "nobody asks for it any more");
	else if (usec_since(r->reported_at, now) > REPORT_AGO)
		finish(r, "the receiver does not answer to a rehearsal; is it too old?");
	else if (now >= r->ends)
		finish(r, "");
	if (r->phase == PHASE_SETTLING)
		r->ends = now + stats.latency + SETTLE;
}

static void on_tick(struct loop_timer *timer)
{
	struct rehearsal *r = timer->owner;
	usec_t now = pump_time(r->config.pump, USEC_NEVER);

	if (r->phase == PHASE_RUNNING) {
		while (r->next_picture <= now)
			begin_picture(r, now);
		send_media(r, now);
		if (now >= r->next_second)
			on_second(r, now);
	} else if (now >= r->ends) {
		r->phase = PHASE_DONE;
		journal_add(r->config.journal, LOG_LEVEL_INFO, NULL, "rehearsal ended%s%s",
			    r->ended[0] ? ": " : "", r->ended);
	} else if (now >= r->next_second) {
		r->next_second += SECOND / 4;
		ask(r, now);
	}
	pump_turn(r->config.pump);
	loop_timer_set(timer, r->phase == PHASE_DONE ? USEC_NEVER : now + TICK);
}

bool rehearsal_take(struct rehearsal *r, const struct bond_media *media)
{
	enum rehearse_kind kind;
	uint32_t id;

	if (!rehearse_is(media->data, media->len))
		return false;
	if (rehearse_decode(media->data, media->len, &kind, &id) && kind == REHEARSE_REPORT &&
	    id == r->id && rehearse_report_decode(media->data, media->len, &r->report))
		r->reported_at = loop_now(r->config.loop);
	return true;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool is_running(const struct rehearsal *r)
{
	return r->phase == PHASE_RUNNING || r->phase == PHASE_SETTLING;
}

/* Why it cannot be started; NULL: it can. */
static const char *refusal(struct rehearsal *r, json_int_t seconds, bool force)
{
	struct bond_stats stats;

	bond_stats(r->config.bond, &stats, loop_now(r->config.loop));
	if (is_running(r))
		return "a rehearsal is running already";
	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		return "a rehearsal takes 3 to 3600 seconds";
	if (!stats.session_up) {
		(void)snprintf(r->why, sizeof(r->why),
			       "no answer from the receiver %.150s: see the uplinks with "
			       "\"uplinkctl status\"",
			       uplinks_receiver(r->config.uplinks));
		return r->why;
	}
	if (!force && r->config.is_live(r->config.owner))
		return "a live stream is on, and a rehearsal would take from its uplinks: stop the "
		       "encoder, or use --force to rehearse in what the stream leaves over";
	return NULL;
}

static const char *start(struct rehearsal *r, json_int_t seconds, bool force)
{
	const struct rehearsal_config *c = &r->config;
	const char *why = refusal(r, seconds, force);
	usec_t now = loop_now(c->loop);
	struct samples *samples;
	struct bond_stats stats;

	if (why)
		return why;
	samples = samples_new((unsigned)seconds);
	if (!samples || getrandom(&r->id, sizeof(r->id), 0) != sizeof(r->id)) {
		samples_free(samples);
		return "out of memory";
	}
	samples_free(r->samples);
	r->samples = samples;
	bond_stats(c->bond, &stats, now);
	samples_begin(samples, &stats);
	r->phase = PHASE_RUNNING;
	r->ended[0] = '\0';
	r->force = force;
	r->policy = stats.policy;
	r->rng = rng_of(r->id);
	r->seconds = (unsigned)seconds;
	r->began = r->next_picture = r->asked_at = r->reported_at = now;
	r->next_second = now + SECOND;
	r->ends = now + (usec_t)seconds * SECOND;
	r->picture = r->left = 0;
	r->sent = r->sent_before = r->live_bytes = 0;
	r->submitted_before = stats.media_submitted;
	r->report = (struct rehearse_report){ 0 };
	if (!force)
		bond_set_policy(c->bond, BOND_POLICY_AGGREGATE, pump_time(c->pump, USEC_NEVER));
	journal_add(c->journal, LOG_LEVEL_INFO, NULL, "rehearsal for %u s with %s", r->seconds,
		    uplinks_receiver(c->uplinks));
	loop_timer_set(&r->tick, now);
	return NULL;
}

static json_t *progress(struct rehearsal *r)
{
	static const char *const names[] = {
		[PHASE_NONE] = "none",
		[PHASE_RUNNING] = "running",
		[PHASE_SETTLING] = "settling",
		[PHASE_DONE] = "done",
	};
	const struct samples *s = r->samples;
	struct bond_stats stats;
	json_t *object;

	bond_stats(r->config.bond, &stats, loop_now(r->config.loop));
	object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "phase", names[r->phase],
			   "seconds", (json_int_t)r->seconds, "elapsed_seconds",
			   (json_int_t)(s ? s->seconds : 0), "advice_bps",
			   (json_int_t)stats.advice_bps, "sent_packets", (json_int_t)r->sent,
			   "received_packets", (json_int_t)r->report.packets, "lost_packets",
			   (json_int_t)r->report.lost, "ended", r->ended);
	if (r->phase == PHASE_DONE && s)
		(void)json_object_set_new(
			object, "report",
			rehearsalreport_json(s, &r->report, &stats, r->policy, r->advice_max_bps));
	return object;
}

static json_t *on_rehearse(void *owner, json_t *request, const char **ret_why)
{
	struct rehearsal *r = owner;
	const char *action = json_string_value(json_object_get(request, "action"));

	r->asked_at = loop_now(r->config.loop);
	if (action && !strcmp(action, "start")) {
		const char *why = start(r, json_integer_value(json_object_get(request, "seconds")),
					json_is_true(json_object_get(request, "force")));

		if (why) {
			*ret_why = why;
			return NULL;
		}
	} else if (action && !strcmp(action, "stop")) {
		if (r->phase == PHASE_RUNNING) {
			finish(r, "stopped");
			r->ends = r->asked_at + SETTLE;
		}
	} else if (action) {
		*ret_why = "the action of a rehearsal is start or stop";
		return NULL;
	}
	return json_pack("{s:o}", "rehearsal", progress(r));
}

/* --- the whole -------------------------------------------------------------------------------- */

struct rehearsal *rehearsal_new(const struct rehearsal_config *config)
{
	struct rehearsal *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->config = *config;
	loop_timer_init(&r->tick, config->loop, on_tick, r);
	return r;
}

struct rehearsal *rehearsal_free(struct rehearsal *r)
{
	if (!r)
		return NULL;
	loop_timer_deinit(&r->tick);
	samples_free(r->samples);
	free(r);
	return NULL;
}

void rehearsal_listen(struct rehearsal *r, struct control *control)
{
	(void)control_command_add(control, "rehearse", on_rehearse, r);
}

void rehearsal_stop(struct rehearsal *r)
{
	if (r->phase == PHASE_RUNNING)
		finish(r, "uplinkd is stopped");
}

void rehearsal_limit(struct rehearsal *r, uint64_t advice_max_bps)
{
	r->advice_max_bps = advice_max_bps;
}
