#include "bond/redundancy.h"

/*
 * The budget is earned with the stream: 1.5 % of its bytes, 5 % while packets arrive with less time
 * to spare than a round trip and a half of the quickest path; on paid uplinks what the operator
 * allows (3 % of what they carry). It is saved up and spent in trains of TRAIN copies on one path
 * after the other, because a train shows how the path takes a higher rate for a moment and single
 * packets show nothing. The path then counts as hungry, so that rate may believe more when its
 * queue stays empty.
 *
 * What is repaired counts against the budget: while losses make copies necessary, there is no point
 * in adding more.
 *
 * A train stops when the queue shows. Copies are taken from the packets that are not acknowledged
 * yet and went another way; importance first, then age.
 */
#define CLEAN_PERMILLE	  15
#define TROUBLED_PERMILLE 50
#define TRAIN		  12
#define PACKET		  1400 /* bytes of a copy, about */
#define BUDGET_MAX	  (4 * TRAIN * PACKET)
#define TRAIN_SPACING	  (500 * USEC_PER_MS)
#define QUEUE_MAX	  (15 * USEC_PER_MS)
#define LOOK_AT		  64 /* packets */

void redundancy_init(struct redundancy *r, unsigned off, unsigned paid_permille)
{
	*r = (struct redundancy){ .off = off, .paid_permille = paid_permille };
}

void redundancy_earn(struct redundancy *r, const struct path *p, uint64_t bytes, bool troubled)
{
	r->budget += (int64_t)(bytes * (troubled ? TROUBLED_PERMILLE : CLEAN_PERMILLE) / 1000);
	if (p->config.cost != BOND_COST_FREE)
		r->paid += (int64_t)(bytes * r->paid_permille / 1000);
	if (r->budget > BUDGET_MAX)
		r->budget = BUDGET_MAX;
	if (r->paid > BUDGET_MAX)
		r->paid = BUDGET_MAX;
}

void redundancy_repaired(struct redundancy *r, const struct path *p, uint64_t bytes)
{
	r->budget -= (int64_t)bytes;
	if (p->config.cost != BOND_COST_FREE)
		r->paid -= (int64_t)bytes;
	if (r->budget < -BUDGET_MAX)
		r->budget = -BUDGET_MAX;
	if (r->paid < -BUDGET_MAX)
		r->paid = -BUDGET_MAX;
}

static bool redundancy_suits(const struct redundancy *r, struct path *p, usec_t now)
{
	if (!path_is_usable(p) || (p->config.cost != BOND_COST_FREE && r->paid < PACKET))
		return false;
	return p->estimator.queue_now < QUEUE_MAX && p->estimator.queue < QUEUE_MAX &&
	       !path_stalled_for(p, now) &&
	       path_room(p, now) > rate_window(&p->rate, &p->estimator, now) / 4;
}

static struct owed *redundancy_packet(struct redundancy *r, struct backlog *b, unsigned path_id)
{
	struct owed *best = NULL;
	uint64_t seq = r->train_seq > b->first ? r->train_seq : b->first;
	unsigned looked = 0;

	for (; seq < b->next && looked < LOOK_AT; seq++, looked++) {
		struct owed *o = backlog_find(b, seq);

		if (!o || !o->sent_at || o->copies > 1 || o->paths & 1u << path_id)
			continue;
		if (!best || o->class < best->class)
			best = o;
		if (best->class == WIRE_CLASS_TABLES)
			break;
	}
	return best;
}

static bool redundancy_begin(struct redundancy *r, struct path *paths, usec_t now)
{
	unsigned want = r->off & BOND_OFF_PROBE ? 1 : TRAIN;

	if (r->budget < (int64_t)want * PACKET ||
	    (want > 1 && r->train_at && now < r->train_at + TRAIN_SPACING))
		return false;
	for (unsigned i = 1; i <= BOND_PATHS_MAX; i++) {
		unsigned id = (r->train_path + i) % BOND_PATHS_MAX;

		if (!redundancy_suits(r, &paths[id], now))
			continue;
		r->train_path = id;
		r->train = want;
		r->train_at = now;
		r->train_seq = 0;
		return true;
	}
	return false;
}

struct owed *redundancy_pick(struct redundancy *r, struct path *paths, struct backlog *backlog,
			     usec_t now, unsigned *ret_path)
{
	struct path *p;
	struct owed *o;

	if (r->off & BOND_OFF_REDUNDANCY || r->budget <= 0)
		return NULL;
	if (!r->train && !redundancy_begin(r, paths, now))
		return NULL;
	p = &paths[r->train_path];
	if (!redundancy_suits(r, p, now)) {
		r->train = 0;
		return NULL;
	}
	if (!(r->off & BOND_OFF_PACING) && !pacer_is_ready(&p->pacer, now))
		return NULL;
	o = redundancy_packet(r, backlog, r->train_path);
	if (o)
		*ret_path = r->train_path;
	return o;
}

void redundancy_spent(struct redundancy *r, struct path *p, uint64_t bytes, usec_t now)
{
	r->budget -= (int64_t)bytes;
	if (p->config.cost != BOND_COST_FREE)
		r->paid -= (int64_t)bytes;
	p->filler_bytes += bytes;
	r->copies++;
	r->train--;
	if (!(r->off & BOND_OFF_PROBE))
		p->hungry_at = now;
}
