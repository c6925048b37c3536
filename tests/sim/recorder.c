#include "sim/recorder.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/source.h"

const unsigned recorder_budget_ms[RECORDER_BUDGETS] = { 300, 500, 1000, 2000 };

struct record {
	usec_t submitted;
	uint32_t delay; /* us; of the first delivery */
	uint16_t epoch; /* of the last delivery; 0: none */
	bool accepted;
};

int recorder_init(struct recorder *recorder, usec_t deadline)
{
	*recorder = (struct recorder){ .deadline = deadline, .epoch = 1, .fresh = true };
	recorder->room = 4096;
	recorder->record = calloc(recorder->room, sizeof(*recorder->record));
	return recorder->record ? 0 : -ENOMEM;
}

void recorder_deinit(struct recorder *recorder)
{
	free(recorder->record);
	recorder->record = NULL;
}

int recorder_submitted(struct recorder *recorder, uint64_t number, bool accepted, usec_t now)
{
	if (number >= recorder->room) {
		struct record *more = realloc(recorder->record, 2 * recorder->room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		recorder->record = more;
		recorder->room *= 2;
	}
	recorder->record[number] = (struct record){ .submitted = now, .accepted = accepted };
	recorder->count = number + 1;
	return 0;
}

usec_t recorder_submitted_at(const struct recorder *recorder, uint64_t number)
{
	return recorder->record[number].submitted;
}

static usec_t apart(usec_t a, usec_t b)
{
	return a > b ? a - b : b - a;
}

static void recorder_space(struct recorder *recorder, usec_t submitted, usec_t now)
{
	struct recorder_figures *f = &recorder->figures;
	usec_t error = apart(now - recorder->last_at, usec_since(recorder->last_in, submitted));

	if (!recorder->last_at || usec_since(recorder->last_in, submitted) > USEC_PER_SEC) {
		recorder->mark_at = now;
		recorder->mark_in = submitted;
	} else if (error > f->spacing) {
		f->spacing = error;
		f->spacing_at = now;
	}
	recorder->last_in = submitted;
	if (now - recorder->mark_at < USEC_PER_SEC)
		return;
	error = apart(now - recorder->mark_at, usec_since(recorder->mark_in, submitted));
	if (error > f->wander) {
		f->wander = error;
		f->wander_at = now;
	}
	recorder->mark_at = now;
	recorder->mark_in = submitted;
}

const char *recorder_delivered(struct recorder *recorder, const uint8_t *data, size_t len,
			       uint64_t lost, usec_t now)
{
	return recorder_took(recorder, source_verify(data, len), lost, now);
}

const char *recorder_took(struct recorder *recorder, uint64_t number, uint64_t lost, usec_t now)
{
	struct recorder_figures *f = &recorder->figures;
	uint64_t skipped = 0;
	struct record *r;

	if (number >= recorder->count)
		return "a media packet came out that never went in";
	r = &recorder->record[number];
	if (r->epoch == recorder->epoch)
		return "a media packet came out twice";
	if (number < recorder->next && !recorder->unordered)
		return "media packets came out in another order";
	for (uint64_t i = recorder->next; i < number; i++)
		skipped += recorder->record[i].accepted;
	if (!recorder->fresh && !recorder->unordered && skipped != lost)
		return "the bond miscounts what it gave up";
	if (!r->epoch && r->submitted >= recorder->from) {
		usec_t delay = usec_since(r->submitted, now);

		f->delivered++;
		f->late += delay > recorder->deadline;
		for (unsigned i = 0; i < RECORDER_BUDGETS; i++)
			f->within[i] += delay <= recorder_budget_ms[i] * USEC_PER_MS;
		r->delay = (uint32_t)usec_min(delay, UINT32_MAX);
	} else if (r->epoch) {
		f->again++;
	}
	r->epoch = (uint16_t)recorder->epoch;
	if (recorder->last_at && now - recorder->last_at > f->gap) {
		f->gap = now - recorder->last_at;
		f->gap_at = now;
	}
	recorder_space(recorder, r->submitted, now);
	recorder->last_at = now;
	recorder->next = number + 1;
	recorder->fresh = false;
	return NULL;
}

void recorder_receiver_restarted(struct recorder *recorder)
{
	recorder->epoch++;
	recorder->next = 0;
	recorder->fresh = true;
	recorder->last_in = 0; /* another play-out */
}

void recorder_sender_restarted(struct recorder *recorder)
{
	recorder->fresh = true;
	recorder->last_in = 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void recorder_finish(struct recorder *recorder)
{
	struct recorder_figures *f = &recorder->figures;
	uint32_t *delay = calloc(recorder->count + 1, sizeof(*delay));
	uint64_t n = 0;

	for (uint64_t i = 0; i < recorder->count; i++) {
		if (recorder->record[i].submitted < recorder->from)
			continue;
		f->submitted++;
		if (!recorder->record[i].epoch)
			f->lost++;
		else if (delay)
			delay[n++] = recorder->record[i].delay;
	}
	if (n) {
		qsort(delay, n, sizeof(*delay), compare);
		f->least = delay[0];
		f->p50 = delay[n / 2];
		f->p95 = delay[n * 95 / 100];
		f->p99 = delay[n * 99 / 100];
		f->p999 = delay[n * 999 / 1000];
		f->most = delay[n - 1];
	}
	free(delay);
}
