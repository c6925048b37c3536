#include "rehearsalreport.h"

#include <string.h>

#include "ctl/stats.h"

/*
 * The plot has at most PLOT_MAX columns: where there are more seconds each is the least of those
 * that it stands for, because the dips are what matters.
 *
 * A packet is late at a latency when it was not there a feed's margin before it. What never came
 * was lost at the latency in force and counts as late at every other; at a longer one it may have
 * come.
 */
#define PLOT_MAX 120

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *plot(const void *first, size_t stride, unsigned seconds)
{
	json_t *array = json_array();
	unsigned columns = seconds < PLOT_MAX ? seconds : PLOT_MAX;

	for (unsigned c = 0; c < columns; c++) {
		uint32_t least = UINT32_MAX, value;

		for (unsigned s = c * seconds / columns; s < (c + 1) * seconds / columns; s++) {
			memcpy(&value, (const char *)first + s * stride, sizeof(value));
			least = value < least ? value : least;
		}
		(void)json_array_append_new(array, number(least));
	}
	return array;
}

static json_t *uplink_json(const struct verdict_uplink *u, const struct sample *sample,
			   unsigned seconds)
{
	json_t *object = json_object();

	(void)json_object_set_new(object, "name", json_string(u->name));
	(void)json_object_set_new(object, "cost", json_string(stats_cost_text(u->cost)));
	(void)json_object_set_new(object, "answered", json_boolean(u->answered));
	(void)json_object_set_new(object, "capacity_p5_bps", number(u->capacity_p5));
	(void)json_object_set_new(object, "capacity_median_bps", number(u->capacity_median));
	(void)json_object_set_new(object, "rtt_median_usec", number(u->rtt_median));
	(void)json_object_set_new(object, "rtt_p95_usec", number(u->rtt_p95));
	(void)json_object_set_new(object, "jitter_usec", number(u->jitter));
	(void)json_object_set_new(object, "loss_ppm", number(u->loss_ppm));
	(void)json_object_set_new(object, "outages", number(u->outages));
	(void)json_object_set_new(object, "down_seconds", number(u->down_seconds));
	(void)json_object_set_new(object, "bytes", number(u->bytes));
	(void)json_object_set_new(object, "capacity_kbps",
				  plot(&sample->capacity_kbps, sizeof(*sample), seconds));
	return object;
}

static json_t *late_json(const struct rehearse_report *report, usec_t in_force)
{
	static const unsigned latencies[] = { 500, 1000, 2000 };
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
		usec_t latency = latencies[i] * USEC_PER_MS;
		uint64_t late =
			histogram_above(&report->delays, latency - bond_feed_margin(latency));

		(void)json_array_append_new(
			array, json_pack("{s:I, s:I, s:b}", "latency_usec", (json_int_t)latency,
					 "late_packets", (json_int_t)(late + report->lost),
					 "at_most", latency > in_force && report->lost));
	}
	return array;
}

static json_t *verdict_json(const struct verdict *verdict)
{
	static const char *const levels[] = {
		[VERDICT_GOOD] = "good",
		[VERDICT_ADVICE] = "advice",
		[VERDICT_WARNING] = "warning",
	};
	json_t *lines = json_array(), *object = json_object();

	for (unsigned i = 0; i < verdict->lines; i++)
		(void)json_array_append_new(lines, json_pack("{s:s, s:s}", "level",
							     levels[verdict->line[i].level], "text",
							     verdict->line[i].text));
	(void)json_object_set_new(object, "bitrate_bps", number(verdict->bitrate_bps));
	(void)json_object_set_new(object, "bitrate_max_bps", number(verdict->bitrate_max_bps));
	(void)json_object_set_new(object, "latency_usec", number(verdict->latency));
	(void)json_object_set_new(object, "policy",
				  json_string(stats_policy_text(verdict->policy)));
	(void)json_object_set_new(object, "lines", lines);
	return object;
}

json_t *rehearsalreport_json(const struct samples *s, const struct rehearse_report *report,
			     const struct bond_stats *stats, enum bond_policy policy,
			     uint64_t advice_max_bps)
{
	struct verdict_figures f = {
		.latency = stats->latency,
		.advice_max_bps = advice_max_bps,
		.packets = report->packets,
		.lost = report->lost,
		.delay_median = histogram_percentile(&report->delays, 5000),
		.delay_p99 = histogram_percentile(&report->delays, 9900),
		.delay_p999 = histogram_percentile(&report->delays, 9990),
	};
	json_t *object = json_object(), *uplinks = json_array();
	struct verdict verdict;
	unsigned n = 0;

	samples_figures(s, &f);
	verdict_judge(&f, &verdict);
	for (unsigned i = 0; i < s->paths; i++)
		if (samples_has(s, i))
			(void)json_array_append_new(
				uplinks, uplink_json(&f.uplink[n++], s->path[i], s->seconds));
	(void)json_object_set_new(object, "seconds", number(f.seconds));
	(void)json_object_set_new(object, "latency_usec", number(f.latency));
	(void)json_object_set_new(object, "policy", json_string(stats_policy_text(policy)));
	(void)json_object_set_new(object, "uplinks", uplinks);
	(void)json_object_set_new(object, "capacity_p5_bps", number(f.total_p5));
	(void)json_object_set_new(object, "capacity_median_bps", number(f.total_median));
	(void)json_object_set_new(object, "advice_p5_bps", number(f.advice_p5));
	(void)json_object_set_new(object, "advice_median_bps", number(f.advice_median));
	(void)json_object_set_new(object, "advice_most_bps", number(f.advice_most));
	(void)json_object_set_new(object, "received_packets", number(f.packets));
	(void)json_object_set_new(object, "lost_packets", number(f.lost));
	(void)json_object_set_new(object, "late", late_json(report, f.latency));
	(void)json_object_set_new(object, "delay_median_usec", number(f.delay_median));
	(void)json_object_set_new(object, "delay_p99_usec", number(f.delay_p99));
	(void)json_object_set_new(object, "delay_p999_usec", number(f.delay_p999));
	(void)json_object_set_new(object, "sent_kbps",
				  plot(&s->total->sent_kbps, sizeof(*s->total), s->seconds));
	(void)json_object_set_new(object, "capacity_kbps",
				  plot(&s->total->capacity_kbps, sizeof(*s->total), s->seconds));
	(void)json_object_set_new(object, "verdict", verdict_json(&verdict));
	return object;
}
