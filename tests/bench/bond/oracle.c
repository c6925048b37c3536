#include "bench/bond/oracle.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sim/state.h"

static uint64_t capacity_bytes(const struct field *field, unsigned i, usec_t now)
{
	const struct link *up = field->link[i].up;
	const struct link_config *c = link_config(up);
	uint64_t ppm = 1000000 - c->loss_ppm;

	if (link_outage(up) != LINK_OUTAGE_NONE)
		return 0;
	if (c->burst_enter_ppm)
		ppm -= ppm * c->burst_enter_ppm / (c->burst_enter_ppm + c->burst_leave_ppm) *
		       c->burst_loss_ppm / 1000000;
	return bytes_of_usec(ORACLE_STEP, field_rate_bps(field, i, now)) * ppm / 1000000;
}

static void walk(struct oracle *o, struct field *field, const struct world_config *config)
{
	const usec_t begin = WORLD_LEAD, end = WORLD_LEAD + world_length(config);
	bool here[SCENARIO_LINKS_MAX], receiver = true;
	struct timeline_event event;

	memset(here, true, sizeof(here));
	o->delay = USEC_NEVER;
	for (unsigned s = 0; s < o->steps; s++) {
		usec_t now = s * ORACLE_STEP;

		while (timeline_next(field->timeline, now, &event)) {
			if (!strcmp(event.target, "receiver"))
				receiver = strcmp(event.word, "off") != 0;
			for (unsigned i = 0; i < field->links; i++)
				if (scenario_names(event.target, field->link[i].name))
					here[i] = strcmp(event.word, "drop") != 0;
		}
		for (unsigned i = 0; i < field->links; i++) {
			uint64_t bytes = capacity_bytes(field, i, now);

			o->delay = usec_min(o->delay, link_config(field->link[i].up)->delay);
			if (now >= begin && now < end)
				o->total[i] += bytes;
			if (here[i] && receiver)
				o->bytes[s] += bytes;
		}
	}
}

int oracle_init(struct oracle *oracle, const struct world_config *config, uint64_t seed)
{
	struct field *field = calloc(1, sizeof(*field));
	struct rng rng = rng_of(seed);
	int r = -ENOMEM;

	*oracle = (struct oracle){ 0 };
	oracle->steps = (unsigned)((WORLD_LEAD + world_length(config) + world_latency(config)) /
				   ORACLE_STEP);
	oracle->bytes = calloc(oracle->steps, sizeof(*oracle->bytes));
	if (field && oracle->bytes)
		r = field_init(field, config->scenario, config->name, script_knows,
			       config->capacity, &rng, seed);
	for (unsigned i = 0; !r && i < field->links; i++)
		for (unsigned k = 0; k < field->scenario.link[i].words; k++)
			oracle->paid[i] |=
				!strcmp(field->scenario.link[i].word[k].text, "paid") ||
				!strcmp(field->scenario.link[i].word[k].text, "expensive");
	if (!r) {
		oracle->source_seed = rng_u64(&rng);
		walk(oracle, field, config);
	}
	if (field)
		field_deinit(field);
	free(field);
	return r;
}

void oracle_deinit(struct oracle *oracle)
{
	free(oracle->bytes);
	oracle->bytes = NULL;
}

static unsigned packet_bytes(const struct world_config *config)
{
	return config->source.bytes ? config->source.bytes : SOURCE_PACKET_BYTES;
}

/* The constant stream @bps of IP bytes is never older than @budget when it leaves the queue. */
static bool carries(const struct oracle *o, const struct world_config *config, uint64_t bps,
		    usec_t budget)
{
	const unsigned first = WORLD_LEAD / ORACLE_STEP;
	const unsigned last = first + (unsigned)(world_length(config) / ORACLE_STEP);
	uint64_t arrived = 0, served = 0;

	for (unsigned s = first; s < o->steps; s++) {
		usec_t age;

		if (s < last)
			arrived = bytes_of_usec((s - first + 1) * ORACLE_STEP, bps);
		served += o->bytes[s];
		if (served > arrived)
			served = arrived;
		age = usec_sub((s - first + 1) * ORACLE_STEP, usec_of_bytes(served, bps));
		if (served < arrived && age > budget)
			return false;
	}
	return served == arrived;
}

uint64_t oracle_highest_bps(const struct oracle *oracle, const struct world_config *config)
{
	uint64_t low = 0, high = 1000000000, bytes = packet_bytes(config);
	usec_t budget = usec_sub(world_latency(config), oracle->delay);

	while (high - low > 1000) {
		uint64_t middle = (low + high) / 2;

		if (carries(oracle, config, middle, budget))
			low = middle;
		else
			high = middle;
	}
	return low * bytes / (bytes + ORACLE_PACKET_EXTRA);
}

#define LAW_LAG	  (200 * USEC_PER_MS)
#define LAW_EVERY (100 * USEC_PER_MS)
#define LAW_QUEUE (100 * USEC_PER_MS)

/* First in, first out; a packet leaves when all its bytes are served. */
struct server {
	const struct oracle *oracle;
	const struct world_config *config;
	struct source *source;
	struct recorder *recorder;
	struct world_figures *figures;
	uint64_t number; /* of the packet in service, or of the next one */
	uint64_t left;	 /* of the packet in service; 0: none */
	unsigned len;	 /* of each */
	enum oracle_advice advice;
	unsigned told;			     /* of the engine's advices */
	usec_t queue[LAW_LAG / ORACLE_STEP]; /* delay at the end of each of the last steps */
	usec_t end;			     /* of the step */
	uint64_t step_bytes, room;
};

static int take_in(struct server *s)
{
	struct source_packet packet;
	int r = 0;

	while (!r && s->source->next_at < s->end) {
		r = recorder_submitted(s->recorder, s->source->number, true, s->source->next_at);
		source_next(s->source, &packet);
		s->figures->primary_bytes += packet.len;
	}
	return r;
}

/* False: nothing waits. */
static bool next_packet(struct server *s)
{
	if (s->number == s->recorder->count)
		return false;
	s->left = s->len + ORACLE_PACKET_EXTRA;
	return true;
}

/* Serves the packet as far as the step allows. False: the step is used up. */
static bool serve_packet(struct server *s)
{
	uint64_t part = s->left < s->room ? s->left : s->room;
	/* Within the step the capacity is even. */
	usec_t at =
		s->step_bytes ? s->end - (s->room - part) * ORACLE_STEP / s->step_bytes : s->end;
	usec_t submitted = recorder_submitted_at(s->recorder, s->number);
	usec_t delay = usec_since(submitted, at) + s->oracle->delay;

	if (delay > world_latency(s->config)) {
		s->left = 0; /* it knew, and did not even begin */
		s->number++;
		return true;
	}
	s->left -= part;
	s->room -= part;
	s->figures->up_bytes += part;
	if (s->left)
		return false;
	(void)recorder_took(s->recorder, s->number++, 0, submitted + delay);
	s->recorder->fresh = true; /* what it leaves out is nobody's mistake */
	return true;
}

static void adapt(struct server *s, unsigned step)
{
	const unsigned lag = LAW_LAG / ORACLE_STEP, span = USEC_PER_SEC / ORACLE_STEP;
	usec_t queue = s->queue[step % lag], over = usec_sub(queue, LAW_QUEUE);
	uint64_t bytes = 0, bps;

	s->queue[step % lag] =
		s->left ? usec_since(recorder_submitted_at(s->recorder, s->number), s->end) : 0;
	if (step < lag + span || step % (LAW_EVERY / ORACLE_STEP))
		return;
	for (unsigned i = step - lag - span; i < step - lag; i++)
		bytes += s->oracle->bytes[i];
	bps = bytes * 8 * 950 / 1000 * LAW_QUEUE / (LAW_QUEUE + over);
	bps = bps * s->len / (s->len + ORACLE_PACKET_EXTRA);
	source_advise(s->source, bps < s->config->advice_max_bps ? bps : s->config->advice_max_bps);
}

static void repeat(struct server *s)
{
	const struct world_figures *f = s->figures;

	for (; s->told < f->advices && f->advice[s->told].at < s->end; s->told++)
		source_advise(s->source, f->advice[s->told].bps);
}

static int serve(struct server *s)
{
	int r = 0;

	for (unsigned i = 0; !r && i < s->oracle->steps; i++) {
		s->end = (i + 1) * ORACLE_STEP;
		s->step_bytes = s->room = s->oracle->bytes[i];
		if (s->advice == ORACLE_ADVICE_OURS)
			repeat(s);
		r = take_in(s);
		while ((s->left || next_packet(s)) && serve_packet(s))
			;
		if (s->advice == ORACLE_ADVICE_LAW)
			adapt(s, i);
	}
	return r;
}

int oracle_run(const struct oracle *oracle, const struct world_config *config,
	       enum oracle_advice advice, struct world_figures *ret_figures)
{
	struct source_config offered = config->source;
	struct recorder recorder;
	struct source source;
	struct server server = { .oracle = oracle,
				 .config = config,
				 .source = &source,
				 .recorder = &recorder,
				 .figures = ret_figures,
				 .len = packet_bytes(config),
				 .advice = advice };
	int r;

	memset(ret_figures, 0, offsetof(struct world_figures, advices));
	if (offered.follow && advice == ORACLE_ADVICE_MAX)
		offered = (struct source_config){ .rate_bps = config->advice_max_bps,
						  .bytes = offered.bytes };
	source_init(&source, &offered, oracle->source_seed, WORLD_LEAD,
		    WORLD_LEAD + world_length(config));
	r = recorder_init(&recorder, world_latency(config));
	recorder.from = WORLD_LEAD + config->settle;
	if (!r)
		r = serve(&server);
	recorder_finish(&recorder);
	ret_figures->media = recorder.figures;
	recorder_deinit(&recorder);
	return r;
}
