#include "bench/bond/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bond/belacoder.h"
#include "bench/bond/srt.h"
#include "sim/state.h"

/* What a datagram is; with the port of its link in the tag of the packet. */
enum kind {
	KIND_DATA,     /* the number, and the rest of a media packet */
	KIND_ACK,      /* struct ack */
	KIND_ACKACK,   /* the time of the acknowledgement */
	KIND_NAK,      /* numbers of 32 bits */
	KIND_LINK_ACK, /* numbers of 32 bits */
	KIND_ASK,      /* sign of life, registration */
	KIND_ASK_ANSWER,
};

#define SRT_HEADER_BYTES  16
#define ACK_BYTES	  (SRT_HEADER_BYTES + 28)
#define ACKACK_BYTES	  SRT_HEADER_BYTES
#define ASK_BYTES	  42
#define LINK_ACK_DATA	  10
#define LINK_ACK_BYTES	  (4 + 4 * LINK_ACK_DATA)
#define HOUSEKEEP_EVERY	  (100 * USEC_PER_MS)
#define BELACODER_TICK	  (BELACODER_TICK_MS * USEC_PER_MS)
#define BELACODER_TOP_BPS UINT64_C(30000000)
#define SETTLE_TIME	  (3 * USEC_PER_SEC)

struct ack {
	uint64_t below;
	struct srt_rtt rtt;
	usec_t sent;
};

struct leg {
	uint8_t port;	    /* of the sender's socket, as the receiver would see it now */
	uint8_t registered; /* the one that the receiver knows */
	unsigned unacked;
	uint32_t number[LINK_ACK_DATA];
};

struct plain {
	const struct world_config *config;
	struct world_figures *figures;
	struct field field;
	struct source source;
	struct recorder recorder;
	struct spread spread;
	struct srt srt;
	struct belacoder belacoder;
	struct leg leg[SCENARIO_LINKS_MAX];
	usec_t now, housekeep_at, encoder_at;
	uint64_t sent_before; /* bytes, at the last tick of the encoder */
	usec_t acked_at;      /* when the newest acknowledgement that came was sent */
	uint8_t buffer[LINK_PACKET_MAX];
	bool failed;
};

/* --- sender ---------------------------------------------------------------------------------- */

static void send_up(struct plain *p, unsigned i, enum kind kind, const void *data, size_t len)
{
	struct world_link_figures *f = &p->figures->link[i];
	uint64_t tick = p->now / WORLD_TICK, bytes = len + FIELD_IP_UDP_BYTES;

	p->figures->up_bytes += bytes;
	f->bytes += bytes;
	if (tick < WORLD_TICKS_MAX)
		f->tick[tick] += (uint32_t)bytes;
	if (link_send(p->field.link[i].up, data, len, kind | (uint64_t)p->leg[i].port << 8,
		      p->now) == LINK_IS_DOWN)
		spread_failed(&p->spread, i);
}

static void count_data(struct plain *p, unsigned i, bool copy)
{
	if (copy) {
		p->figures->copy_packets++;
		p->figures->link[i].copies++;
	} else {
		p->figures->media_packets++;
		p->figures->link[i].media++;
	}
}

static void send_data(struct plain *p, uint64_t number, bool again)
{
	size_t len = p->source.config.bytes;
	unsigned i = SPREAD_NOBODY;

	memcpy(p->buffer, &number, sizeof(number));
	if (p->spread.way != SPREAD_ALL) {
		i = spread_choose(&p->spread, p->now);
		if (i == SPREAD_NOBODY)
			return;
		spread_sent(&p->spread, i, number, p->now);
		count_data(p, i, again);
		send_up(p, i, KIND_DATA, p->buffer, len);
		return;
	}
	for (i = 0; i < p->field.links; i++) {
		if (!spread_takes(&p->spread, i))
			continue;
		count_data(p, i, again);
		again = true;
		p->spread.link[i].sent = p->now;
		send_up(p, i, KIND_DATA, p->buffer, len);
	}
}

static void submit(struct plain *p)
{
	struct source_packet packet;

	source_next(&p->source, &packet);
	p->figures->primary_bytes += packet.len;
	p->failed |= recorder_submitted(&p->recorder, packet.number, true, p->now) ||
		     srt_submit(&p->srt, p->now);
	if (!p->failed)
		send_data(p, packet.number, false);
}

static void handle_ack(struct plain *p, const struct ack *ack)
{
	unsigned i;

	if (ack->sent <= p->acked_at)
		return; /* a copy that came over another link */
	p->acked_at = ack->sent;
	srt_acknowledged(&p->srt, ack->below, &ack->rtt);
	spread_complete(&p->spread, ack->below);
	i = spread_choose(&p->spread, p->now);
	memcpy(p->buffer, &ack->sent, sizeof(ack->sent));
	if (i != SPREAD_NOBODY)
		send_up(p, i, KIND_ACKACK, p->buffer, ACKACK_BYTES);
}

static void input_at_sender(struct plain *p, unsigned i, const struct link_packet *packet)
{
	uint32_t number;
	struct ack ack;

	if ((uint8_t)(packet->tag >> 8) != p->leg[i].port || !p->spread.link[i].present)
		return;
	spread_heard(&p->spread, i, p->now);
	switch ((enum kind)(packet->tag & 0xff)) {
	case KIND_ACK:
		memcpy(&ack, packet->data, sizeof(ack));
		handle_ack(p, &ack);
		break;
	case KIND_NAK:
		for (size_t at = SRT_HEADER_BYTES; at < packet->len; at += sizeof(number)) {
			memcpy(&number, packet->data + at, sizeof(number));
			spread_asked(&p->spread, number);
			if (srt_asked(&p->srt, number, p->now))
				send_data(p, number, true);
		}
		break;
	case KIND_LINK_ACK:
		for (size_t at = 4; at < packet->len; at += sizeof(number)) {
			memcpy(&number, packet->data + at, sizeof(number));
			spread_acknowledged(&p->spread, number);
		}
		break;
	case KIND_ASK_ANSWER:
	case KIND_DATA:
	case KIND_ACKACK:
	case KIND_ASK:
		break;
	}
}

static void housekeep(struct plain *p)
{
	p->housekeep_at += HOUSEKEEP_EVERY;
	for (unsigned i = 0; i < p->field.links; i++) {
		if (!spread_asks(&p->spread, i, p->now))
			continue;
		p->spread.link[i].sent = p->now;
		send_up(p, i, KIND_ASK, p->buffer, ASK_BYTES);
	}
}

static void adapt(struct plain *p)
{
	uint64_t sent = p->figures->up_bytes - p->sent_before;

	p->encoder_at += BELACODER_TICK;
	p->sent_before = p->figures->up_bytes;
	source_advise(&p->source, belacoder_tick(&p->belacoder, (int64_t)(p->now / USEC_PER_MS),
						 (double)p->srt.told.smoothed / USEC_PER_MS,
						 (double)(p->srt.count - p->srt.acked),
						 (double)sent * 8 * USEC_PER_SEC / BELACODER_TICK));
}

/* --- receiver -------------------------------------------------------------------------------- */

static void send_down(struct plain *p, unsigned i, enum kind kind, const void *data, size_t len)
{
	p->figures->down_bytes += len + FIELD_IP_UDP_BYTES;
	(void)link_send(p->field.link[i].down, data, len,
			kind | (uint64_t)p->leg[i].registered << 8, p->now);
}

static void send_all_down(struct plain *p, enum kind kind, const void *data, size_t len)
{
	for (unsigned i = 0; i < p->field.links; i++)
		if (p->spread.way != SPREAD_SINGLE || i == spread_choose(&p->spread, p->now))
			send_down(p, i, kind, data, len);
}

static void report(struct plain *p, bool periodic)
{
	uint64_t number[SRT_NAK_MAX];
	unsigned count = srt_report(&p->srt, periodic, number);

	for (unsigned k = 0; k < count; k++) {
		uint32_t word = (uint32_t)number[k];

		memcpy(p->buffer + SRT_HEADER_BYTES + k * sizeof(word), &word, sizeof(word));
	}
	if (count)
		send_all_down(p, KIND_NAK, p->buffer, SRT_HEADER_BYTES + count * sizeof(uint32_t));
}

static void take_data(struct plain *p, unsigned i, uint64_t number)
{
	struct leg *leg = &p->leg[i];

	leg->number[leg->unacked++] = (uint32_t)number;
	if (leg->unacked == LINK_ACK_DATA) {
		memcpy(p->buffer + 4, leg->number, sizeof(leg->number));
		if (p->spread.way == SPREAD_CLASSIC || p->spread.way == SPREAD_WEIGHTED)
			send_down(p, i, KIND_LINK_ACK, p->buffer, LINK_ACK_BYTES);
		leg->unacked = 0;
	}
	if (srt_arrived(&p->srt, number))
		report(p, false);
}

static void input_at_receiver(struct plain *p, unsigned i, const struct link_packet *packet)
{
	enum kind kind = (enum kind)(packet->tag & 0xff);
	uint8_t port = (uint8_t)(packet->tag >> 8);
	uint64_t word;

	memcpy(&word, packet->data, sizeof(word));
	if (kind == KIND_ASK) {
		p->leg[i].registered = port;
		send_down(p, i, KIND_ASK_ANSWER, p->buffer, ASK_BYTES);
	} else if (port != p->leg[i].registered && p->spread.way != SPREAD_SINGLE) {
		return;
	} else if (kind == KIND_DATA) {
		p->leg[i].registered = port;
		take_data(p, i, word);
	} else if (kind == KIND_ACKACK) {
		srt_round_trip(&p->srt, p->now - word);
	}
}

static void receiver_turn(struct plain *p)
{
	uint64_t before = p->srt.next, number;

	while ((number = srt_deliver(&p->srt, p->now)) != UINT64_MAX) {
		(void)recorder_took(&p->recorder, number, number - before, p->now);
		before = p->srt.next;
	}
	if (p->srt.ack_at <= p->now && p->srt.highest) {
		struct ack ack = { .below = srt_complete(&p->srt),
				   .rtt = p->srt.rtt,
				   .sent = p->now };

		p->srt.ack_at = p->now + SRT_ACK_EVERY;
		memcpy(p->buffer, &ack, sizeof(ack));
		send_all_down(p, KIND_ACK, p->buffer, ACK_BYTES);
	}
	if (p->srt.nak_at <= p->now) {
		p->srt.nak_at = p->now + srt_nak_interval(&p->srt);
		report(p, true);
	}
}

/* --- the run --------------------------------------------------------------------------------- */

static void happen(struct plain *p, const struct timeline_event *event)
{
	for (unsigned i = 0; i < p->field.links; i++) {
		if (!scenario_names(event->target, p->field.link[i].name))
			continue;
		if (!strcmp(event->word, "rebind")) {
			p->leg[i].port++;
		} else if (!strcmp(event->word, "drop")) {
			spread_drop(&p->spread, i);
		} else if (!strcmp(event->word, "add") || !strcmp(event->word, "address")) {
			p->leg[i].port++;
			spread_add(&p->spread, i, p->now);
			send_up(p, i, KIND_ASK, p->buffer, ASK_BYTES);
		}
	}
}

static void step(struct plain *p)
{
	struct timeline_event event;
	const struct link_packet *packet;

	while (timeline_next(p->field.timeline, p->now, &event))
		happen(p, &event);
	for (unsigned i = 0; i < p->field.links; i++) {
		while ((packet = link_receive(p->field.link[i].up, p->now)))
			input_at_receiver(p, i, packet);
		while ((packet = link_receive(p->field.link[i].down, p->now)))
			input_at_sender(p, i, packet);
	}
	while (p->source.next_at <= p->now && !p->failed)
		submit(p);
	receiver_turn(p);
	if (p->housekeep_at <= p->now)
		housekeep(p);
	if (p->encoder_at <= p->now)
		adapt(p);
}

static usec_t next_at(struct plain *p)
{
	usec_t at = usec_min(field_next_at(&p->field), p->source.next_at);

	at = usec_min(at, usec_min(p->housekeep_at, p->encoder_at));
	if (p->srt.highest)
		at = usec_min(at, usec_min(p->srt.ack_at, p->srt.nak_at));
	return usec_min(at, usec_max(srt_due_at(&p->srt), p->now + 1));
}

static int begin(struct plain *p, enum spread_way way, uint64_t seed)
{
	const struct world_config *config = p->config;
	struct rng rng = rng_of(seed);
	int r = field_init(&p->field, config->scenario, config->name, script_knows,
			   config->capacity, &rng, seed);

	if (r)
		return r;
	source_init(&p->source, &config->source, rng_u64(&rng), WORLD_LEAD,
		    WORLD_LEAD + world_length(config));
	srt_init(&p->srt, world_latency(config), way == SPREAD_SINGLE ? 0 : SRT_TOLERANCE);
	spread_init(&p->spread, way, p->field.links);
	for (unsigned i = 0; i < p->field.links; i++) {
		p->spread.link[i].weight = link_rate_bps(p->field.link[i].up);
		spread_add(&p->spread, i, 0);
	}
	p->encoder_at = config->source.follow ? WORLD_LEAD : USEC_NEVER;
	belacoder_init(&p->belacoder, config->advice_min_bps ? config->advice_min_bps : 1000000,
		       config->advice_max_bps < BELACODER_TOP_BPS ? config->advice_max_bps
								  : BELACODER_TOP_BPS,
		       config->source.rate_bps, world_latency(config) / USEC_PER_MS);
	r = recorder_init(&p->recorder, world_latency(config));
	p->recorder.from = WORLD_LEAD + config->settle;
	return r;
}

static void finish(struct plain *p)
{
	recorder_finish(&p->recorder);
	p->figures->media = p->recorder.figures;
	p->figures->links = p->field.links;
	for (unsigned i = 0; i < p->field.links; i++)
		memcpy(p->figures->link[i].name, p->field.link[i].name,
		       sizeof(p->figures->link[i].name));
}

int plain_run(enum spread_way way, const struct world_config *config, uint64_t seed,
	      struct world_figures *ret_figures)
{
	struct plain *p = calloc(1, sizeof(*p));
	usec_t over = WORLD_LEAD + world_length(config) + world_latency(config) + SETTLE_TIME;
	int r;

	if (!p)
		return -ENOMEM;
	memset(ret_figures, 0, sizeof(*ret_figures));
	p->config = config;
	p->figures = ret_figures;
	r = begin(p, way, seed);
	while (!r) {
		usec_t at = next_at(p);

		if (at > over)
			break;
		p->now = usec_max(at, p->now);
		step(p);
		r = p->failed ? -ENOMEM : 0;
	}
	if (!r)
		finish(p);
	srt_deinit(&p->srt);
	recorder_deinit(&p->recorder);
	field_deinit(&p->field);
	free(p);
	return r;
}
