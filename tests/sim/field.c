#include "sim/field.h"

#include <errno.h>

static int begin_link(struct field *field, unsigned i, field_capacity_fn *capacity, struct rng *rng,
		      uint64_t seed)
{
	const struct link_config config = { .overhead_bytes = FIELD_IP_UDP_BYTES };
	const struct scenario_link *link = &field->scenario.link[i];
	struct field_link *l = &field->link[i];

	l->name = link->name;
	l->up = link_new(&config, 0, rng_u64(rng), 0);
	l->down = link_new(&config, 0, rng_u64(rng), 0);
	if (!l->up || !l->down)
		return -ENOMEM;
	field->on[i] = (struct timeline_link){ .name = l->name, .up = l->up, .down = l->down };
	timeline_begin(&field->scenario, link, &field->on[i], 0);
	l->has_steps = capacity && capacity(i, seed, l->steps);
	if (l->has_steps)
		link_set_steps(l->up, l->steps, RADIO_STEPS, RADIO_PERIOD, 0);
	return 0;
}

int field_init(struct field *field, const char *text, const char *name, scenario_event_fn *event,
	       field_capacity_fn *capacity, struct rng *rng, uint64_t seed)
{
	int r = 0;

	if (scenario_parse(&field->scenario, text, name, event, stderr))
		return -EINVAL;
	field->links = field->scenario.links;
	for (unsigned i = 0; !r && i < field->links; i++)
		r = begin_link(field, i, capacity, rng, seed);
	if (!r) {
		field->timeline = timeline_new(&field->scenario, field->on, field->links, 0);
		r = field->timeline ? 0 : -ENOMEM;
	}
	return r;
}

void field_deinit(struct field *field)
{
	field->timeline = timeline_free(field->timeline);
	for (unsigned i = 0; i < field->links; i++) {
		field->link[i].up = link_free(field->link[i].up);
		field->link[i].down = link_free(field->link[i].down);
	}
	scenario_deinit(&field->scenario);
}

usec_t field_next_at(const struct field *field)
{
	usec_t at = timeline_next_at(field->timeline);

	for (unsigned i = 0; i < field->links; i++) {
		at = usec_min(at, link_next_at(field->link[i].up));
		at = usec_min(at, link_next_at(field->link[i].down));
	}
	return at;
}

uint64_t field_rate_bps(const struct field *field, unsigned link, usec_t now)
{
	const struct field_link *l = &field->link[link];

	if (l->has_steps)
		return l->steps[now % RADIO_PERIOD / RADIO_STEP].rate_bps;
	return link_rate_bps(l->up);
}
