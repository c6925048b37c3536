#include "samples.h"

#include <stdlib.h>
#include <string.h>

#define WARM_UP_MAX 15 /* seconds; at most a quarter of all */

struct samples *samples_free(struct samples *s)
{
	if (!s)
		return NULL;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		free(s->path[i]);
	free(s->total);
	free(s);
	return NULL;
}

struct samples *samples_new(unsigned seconds)
{
	struct samples *s = calloc(1, sizeof(*s));
	bool failed = !s;

	if (!s)
		return NULL;
	s->max = seconds;
	s->total = calloc(seconds, sizeof(*s->total));
	failed |= !s->total;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		s->path[i] = calloc(seconds, sizeof(*s->path[i]));
		failed |= !s->path[i];
	}
	return failed ? samples_free(s) : s;
}

void samples_begin(struct samples *s, const struct bond_stats *stats)
{
	memcpy(s->first, stats->path, sizeof(s->first));
	memcpy(s->last, stats->path, sizeof(s->last));
}

static bool is_up(const struct bond_path_stats *path)
{
	return path->state == BOND_PATH_UP && !path->muted;
}

void samples_add(struct samples *s, const struct bond_stats *stats, uint64_t sent_bps)
{
	struct samples_total *total = &s->total[s->seconds];

	if (s->seconds == s->max)
		return;
	*total = (struct samples_total){ .advice_kbps = (uint32_t)(stats->advice_bps / 1000),
					 .sent_kbps = (uint32_t)(sent_bps / 1000) };
	s->paths = stats->paths > s->paths ? stats->paths : s->paths;
	for (unsigned i = 0; i < stats->paths; i++) {
		const struct bond_path_stats *path = &stats->path[i];
		struct sample *sample = &s->path[i][s->seconds];

		if (is_up(path)) {
			sample->capacity_kbps = (uint32_t)(path->seen_bps / 1000);
			sample->rtt_usec = (uint32_t)path->rtt;
			sample->jitter_usec = (uint32_t)path->rtt_var;
			total->capacity_kbps += sample->capacity_kbps;
		} else {
			s->down[i]++;
			s->outages[i] += is_up(&s->last[i]);
		}
		s->last[i] = *path;
	}
	s->seconds++;
}

bool samples_has(const struct samples *s, unsigned path)
{
	return path < s->paths && s->last[path].name[0] &&
	       (s->last[path].state != BOND_PATH_OFF || s->down[path] < s->seconds);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Of @count values at @first and every @stride bytes after it; those that are 0 only with @zeros.
 * @percent of them are not above. */
static uint32_t percentile(const void *first, size_t stride, unsigned count, bool zeros,
			   unsigned percent)
{
	uint32_t *values = calloc(count ? count : 1, sizeof(*values)), value = 0;
	unsigned n = 0;

	for (unsigned i = 0; values && i < count; i++) {
		memcpy(&values[n], (const char *)first + i * stride, sizeof(*values));
		n += values[n] || zeros;
	}
	if (values && n) {
		qsort(values, n, sizeof(*values), compare);
		value = values[(n - 1) * percent / 100];
	}
	free(values);
	return value;
}

#define PERCENTILE(array, member, from, count, zeros, percent)                                     \
	percentile(&(array)[from].member, sizeof((array)[0]), count, zeros, percent)

static void uplink_figures(const struct samples *s, unsigned i, unsigned from,
			   struct verdict_uplink *u)
{
	const struct bond_path_stats *a = &s->first[i], *b = &s->last[i];
	bool same = !strcmp(a->name, b->name);
	uint64_t sent = b->tx_datagrams - (same ? a->tx_datagrams : 0);
	uint64_t lost = b->lost_packets - (same ? a->lost_packets : 0);
	uint64_t spurious = b->spurious_packets - (same ? a->spurious_packets : 0);
	const struct sample *sample = s->path[i];
	unsigned count = s->seconds - from;

	memcpy(u->name, b->name, sizeof(u->name));
	u->cost = b->cost;
	u->answered = b->rx_datagrams > (same ? a->rx_datagrams : 0);
	u->capacity_p5 = UINT64_C(1000) * PERCENTILE(sample, capacity_kbps, from, count, true, 5);
	u->capacity_median =
		UINT64_C(1000) * PERCENTILE(sample, capacity_kbps, from, count, true, 50);
	u->rtt_median = PERCENTILE(sample, rtt_usec, 0, s->seconds, false, 50);
	u->rtt_p95 = PERCENTILE(sample, rtt_usec, 0, s->seconds, false, 95);
	u->jitter = PERCENTILE(sample, jitter_usec, 0, s->seconds, false, 50);
	u->loss_ppm = sent && lost > spurious ? (unsigned)((lost - spurious) * 1000000 / sent) : 0;
	u->outages = s->outages[i];
	u->down_seconds = s->down[i];
	u->bytes = b->tx_bytes + b->rx_bytes - (same ? a->tx_bytes + a->rx_bytes : 0);
}

/* The worst twentieth of the seconds when only the paths of @bits are counted. */
static uint64_t sum_p5(const struct samples *s, unsigned from, uint32_t bits)
{
	unsigned count = s->seconds - from;
	uint32_t *sums = calloc(count ? count : 1, sizeof(*sums)), p5;

	for (unsigned k = 0; sums && k < count; k++)
		for (unsigned i = 0; i < s->paths; i++)
			if (bits & 1u << i)
				sums[k] += s->path[i][from + k].capacity_kbps;
	p5 = sums ? percentile(sums, sizeof(*sums), count, true, 5) : 0;
	free(sums);
	return p5 * UINT64_C(1000);
}

void samples_figures(const struct samples *s, struct verdict_figures *f)
{
	unsigned from = s->seconds / 4 < WARM_UP_MAX ? s->seconds / 4 : WARM_UP_MAX;
	unsigned count = s->seconds - from, best = 0;
	uint64_t best_bps = 0;
	uint32_t all = 0, gratis = 0;

	f->seconds = s->seconds;
	f->uplinks = 0;
	for (unsigned i = 0; i < s->paths; i++) {
		struct verdict_uplink *u = &f->uplink[f->uplinks];

		if (!samples_has(s, i))
			continue;
		*u = (struct verdict_uplink){ 0 };
		uplink_figures(s, i, from, u);
		all |= 1u << i;
		gratis |= u->cost == BOND_COST_FREE ? 1u << i : 0;
		if (u->capacity_median > best_bps) {
			best_bps = u->capacity_median;
			best = i;
		}
		f->uplinks++;
	}
	f->total_p5 = sum_p5(s, from, all);
	f->spare_p5 = sum_p5(s, from, all & ~(1u << best));
	f->free_p5 = sum_p5(s, from, gratis);
	f->total_median =
		UINT64_C(1000) * PERCENTILE(s->total, capacity_kbps, from, count, true, 50);
	f->advice_p5 = UINT64_C(1000) * PERCENTILE(s->total, advice_kbps, from, count, true, 5);
	f->advice_median =
		UINT64_C(1000) * PERCENTILE(s->total, advice_kbps, from, count, true, 50);
	f->advice_most = UINT64_C(1000) * PERCENTILE(s->total, advice_kbps, from, count, true, 100);
}
