#include "bench/bond/spread.h"

/* The constants are those of BELABOX's srtla_send; windows count in thousandths. */
#define WINDOW_MIN   1000
#define WINDOW_START 20000
#define WINDOW_MAX   60000
#define WINDOW_NAK   100
#define WINDOW_ACK   29 /* and 1 for every link */
#define ASK_EVERY    USEC_PER_SEC

void spread_init(struct spread *spread, enum spread_way way, unsigned links)
{
	*spread = (struct spread){ .way = way, .links = links };
}

static void forget(struct spread_link *l, int32_t window)
{
	l->window = window;
	l->in_flight = 0;
	for (unsigned i = 0; i < SPREAD_LOG; i++)
		l->log[i] = SPREAD_LOG_EMPTY;
}

void spread_add(struct spread *spread, unsigned link, usec_t now)
{
	struct spread_link *l = &spread->link[link];

	l->present = true;
	l->heard = now ? now : 1;
	forget(l, WINDOW_START);
}

void spread_drop(struct spread *spread, unsigned link)
{
	spread->link[link].present = false;
}

static bool is_alive(struct spread_link *l, usec_t now)
{
	if (l->present && l->heard && now - l->heard > SPREAD_SILENCE) {
		l->heard = 0;
		forget(l, WINDOW_MIN);
	}
	return l->present && l->heard;
}

static unsigned choose_classic(struct spread *spread, usec_t now)
{
	unsigned best = SPREAD_NOBODY;
	int32_t best_score = -1;

	for (unsigned i = 0; i < spread->links; i++) {
		struct spread_link *l = &spread->link[i];
		int32_t score = l->window / (l->in_flight + 1);

		if (!is_alive(l, now) || score <= best_score)
			continue;
		best = i;
		best_score = score;
	}
	return best;
}

static unsigned choose_weighted(struct spread *spread, usec_t now)
{
	unsigned best = SPREAD_NOBODY;
	int64_t total = 0;

	for (unsigned i = 0; i < spread->links; i++) {
		struct spread_link *l = &spread->link[i];

		if (!is_alive(l, now))
			continue;
		l->credit += (int64_t)l->weight;
		total += (int64_t)l->weight;
		if (best == SPREAD_NOBODY || l->credit > spread->link[best].credit)
			best = i;
	}
	if (best != SPREAD_NOBODY)
		spread->link[best].credit -= total;
	return best;
}

static unsigned best_link(const struct spread *spread)
{
	unsigned best = 0;

	for (unsigned i = 1; i < spread->links; i++)
		if (spread->link[i].weight > spread->link[best].weight)
			best = i;
	return best;
}

unsigned spread_choose(struct spread *spread, usec_t now)
{
	unsigned single = best_link(spread);

	switch (spread->way) {
	case SPREAD_CLASSIC:
		return choose_classic(spread, now);
	case SPREAD_WEIGHTED:
		return choose_weighted(spread, now);
	case SPREAD_SINGLE:
	case SPREAD_ALL:
		break;
	}
	return spread->link[single].present ? single : SPREAD_NOBODY;
}

bool spread_takes(const struct spread *spread, unsigned link)
{
	return spread->way == SPREAD_ALL && spread->link[link].present;
}

void spread_sent(struct spread *spread, unsigned link, uint64_t number, usec_t now)
{
	struct spread_link *l = &spread->link[link];

	l->sent = now;
	l->log[l->log_at++ % SPREAD_LOG] = number;
	l->in_flight++;
}

void spread_failed(struct spread *spread, unsigned link)
{
	struct spread_link *l = &spread->link[link];

	if (l->heard)
		forget(l, WINDOW_MIN);
	l->heard = 0;
}

void spread_heard(struct spread *spread, unsigned link, usec_t now)
{
	spread->link[link].heard = now;
}

static bool take(struct spread_link *l, uint64_t number)
{
	for (unsigned i = 0; i < SPREAD_LOG; i++) {
		if (l->log[i] != number)
			continue;
		l->log[i] = SPREAD_LOG_EMPTY;
		return true;
	}
	return false;
}

void spread_acknowledged(struct spread *spread, uint64_t number)
{
	for (unsigned i = 0; i < spread->links; i++) {
		struct spread_link *l = &spread->link[i];

		if (!take(l, number))
			continue;
		l->in_flight -= l->in_flight > 0;
		if (l->in_flight * 1000 > l->window)
			l->window += WINDOW_ACK;
		break;
	}
	for (unsigned i = 0; i < spread->links; i++) {
		struct spread_link *l = &spread->link[i];

		l->window += l->heard != 0;
		if (l->window > WINDOW_MAX)
			l->window = WINDOW_MAX;
	}
}

void spread_complete(struct spread *spread, uint64_t below)
{
	for (unsigned i = 0; i < spread->links; i++) {
		struct spread_link *l = &spread->link[i];

		l->in_flight = 0;
		for (unsigned k = 0; k < SPREAD_LOG; k++) {
			if (l->log[k] < below)
				l->log[k] = SPREAD_LOG_EMPTY;
			l->in_flight += l->log[k] != SPREAD_LOG_EMPTY;
		}
	}
}

void spread_asked(struct spread *spread, uint64_t number)
{
	for (unsigned i = 0; i < spread->links; i++) {
		struct spread_link *l = &spread->link[i];

		if (!take(l, number))
			continue;
		l->window -= WINDOW_NAK;
		if (l->window < WINDOW_MIN)
			l->window = WINDOW_MIN;
		return;
	}
}

bool spread_asks(const struct spread *spread, unsigned link, usec_t now)
{
	const struct spread_link *l = &spread->link[link];

	return spread->way != SPREAD_SINGLE && l->present && now - l->sent >= ASK_EVERY;
}
