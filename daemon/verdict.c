#include "verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Bitrate: seven tenths of what the uplinks together had in all but the worst twentieth of the
 * seconds. A bond of three cellular uplinks has in the next second at least 0.70 of what it had in
 * the last one, 95 times of 100 (measured on public traces).
 *
 * Latency: all but one packet of a thousand were there after delay_p999; a quarter more for a worse
 * day, and what the play-out behind the bond needs. It also has to leave time to notice a loss and
 * mend it twice: three round trips of the slowest uplink. Rounded up to steps that one can say.
 *
 * Policy: backup where the free uplinks carry it alone and others cost; broadcast where any one may
 * fail with no loss and the rest still carries what is configured at most; else aggregate.
 */
#define BITRATE_PERCENT	 70
#define ADAPTIVE_PERCENT 85 /* as bond/advice */
#define LATENCY_STEP	 (300 * USEC_PER_MS)
#define LATENCY_LEAST	 (600 * USEC_PER_MS)
#define BITRATE_POOR	 UINT64_C(2000000)
#define BITRATE_LEAST	 UINT64_C(300000)
#define LOSS_MUCH	 20000 /* ppm */
#define RTT_LONG	 (400 * USEC_PER_MS)
#define STABLE_RATIO	 3 /* the median may be that many times the worst twentieth */

__attribute__((format(printf, 3, 4))) static void say(struct verdict *v, enum verdict_level level,
						      const char *format, ...)
{
	va_list args;

	if (v->lines == VERDICT_LINES_MAX)
		return;
	va_start(args, format);
	v->line[v->lines].level = level;
	(void)vsnprintf(v->line[v->lines++].text, sizeof(v->line[0].text), format, args);
	va_end(args);
}

/* "5.5 Mb/s" or "900 kb/s". */
static const char *rate(uint64_t bps, char text[static 24])
{
	if (bps >= 1000000)
		(void)snprintf(text, 24, "%" PRIu64 ".%" PRIu64 " Mb/s", bps / 1000000,
			       bps / 100000 % 10);
	else
		(void)snprintf(text, 24, "%" PRIu64 " kb/s", bps / 1000);
	return text;
}

/* Down to a number that one would type. */
static uint64_t round_rate(uint64_t bps)
{
	uint64_t step = bps >= 5000000 ? 500000 : 100000;

	return bps / step * step;
}

static void judge_bitrate(const struct verdict_figures *f, struct verdict *v)
{
	uint64_t safe = round_rate(f->total_p5 * BITRATE_PERCENT / 100), spare;
	char a[24], b[24];

	v->bitrate_max_bps = round_rate(f->total_median * ADAPTIVE_PERCENT / 100);
	if (v->bitrate_max_bps > f->advice_max_bps)
		v->bitrate_max_bps = f->advice_max_bps;
	if (safe < BITRATE_LEAST) {
		say(v, VERDICT_WARNING,
		    "The uplinks together carry too little for a stream: at times no more than "
		    "%s. Add an uplink, or another place for the antennas.",
		    rate(f->total_p5, a));
		return;
	}
	v->bitrate_bps = safe;
	say(v, safe < BITRATE_POOR ? VERDICT_WARNING : VERDICT_GOOD,
	    "Encoder with a fixed bitrate: %s, picture and sound together. One that follows the "
	    "advice: up to %s.",
	    rate(safe, a), rate(v->bitrate_max_bps, b));
	if (safe < BITRATE_POOR)
		say(v, VERDICT_WARNING,
		    "That is little: choose 480p, H.265 or an encoder that follows the advice, or "
		    "add an uplink.");
	if (f->advice_most >= f->advice_max_bps)
		say(v, VERDICT_ADVICE,
		    "The highest bitrate of the configuration, %s, was reached; the uplinks may "
		    "carry more. Raise max of [advice] to find out.",
		    rate(f->advice_max_bps, a));
	spare = round_rate(f->spare_p5 * BITRATE_PERCENT / 100);
	if (f->uplinks < 2 || spare >= safe)
		return;
	if (spare < BITRATE_LEAST)
		say(v, VERDICT_WARNING,
		    "Should the strongest uplink fail, the others do not carry a stream.");
	else
		say(v, VERDICT_ADVICE, "Should the strongest uplink fail, the others carry %s.",
		    rate(spare, a));
}

static void judge_latency(const struct verdict_figures *f, struct verdict *v)
{
	usec_t need = f->delay_p999 + f->delay_p999 / 4, slowest = 0;
	unsigned lost_ppm;

	if (!f->packets) {
		say(v, VERDICT_WARNING, "Nothing arrived, so no latency can be advised.");
		return;
	}
	for (unsigned i = 0; i < f->uplinks; i++)
		if (f->uplink[i].answered)
			slowest = usec_max(slowest, f->uplink[i].rtt_median);
	need = usec_max(need, 3 * slowest);
	lost_ppm = (unsigned)(f->lost * 1000000 / (f->lost + f->packets));
	if (lost_ppm > 1000)
		need = usec_max(need, 2 * f->latency);
	v->latency = LATENCY_LEAST;
	while (usec_sub(v->latency, bond_feed_margin(v->latency)) < need &&
	       v->latency < BOND_LATENCY_MAX)
		v->latency += LATENCY_STEP;
	if (v->latency > BOND_LATENCY_MAX)
		v->latency = BOND_LATENCY_MAX;
	say(v, v->latency > f->latency ? VERDICT_ADVICE : VERDICT_GOOD,
	    "Latency: %" PRIu64 " ms (set: %" PRIu64
	    "). Of 1000 packets 999 arrived within %" PRIu64 " ms.",
	    v->latency / USEC_PER_MS, f->latency / USEC_PER_MS, f->delay_p999 / USEC_PER_MS);
	if (f->lost)
		say(v, lost_ppm > 1000 ? VERDICT_WARNING : VERDICT_ADVICE,
		    "%" PRIu64 " of %" PRIu64
		    " packets were not there in time. With a longer latency fewer are; rehearse "
		    "again after changing it.",
		    f->lost, f->lost + f->packets);
}

static void judge_policy(const struct verdict_figures *f, struct verdict *v)
{
	unsigned working = 0, dear = 0, calm = 0;

	for (unsigned i = 0; i < f->uplinks; i++) {
		const struct verdict_uplink *u = &f->uplink[i];

		if (!u->answered)
			continue;
		working++;
		dear += u->cost != BOND_COST_FREE;
		calm += u->capacity_p5 * BITRATE_PERCENT / 100 >= f->advice_max_bps;
	}
	v->policy = BOND_POLICY_AGGREGATE;
	if (working < 2) {
		say(v, VERDICT_WARNING,
		    "Policy: any, for only one uplink works. When it fails the stream stands "
		    "still: "
		    "add a second one, of another kind.");
	} else if (dear && f->free_p5 * BITRATE_PERCENT / 100 >= f->advice_max_bps) {
		v->policy = BOND_POLICY_BACKUP;
		say(v, VERDICT_GOOD,
		    "Policy: backup. The free uplinks carry the highest bitrate alone; the paid "
		    "ones stand by and cost next to nothing.");
	} else if (!dear && calm > 1) {
		v->policy = BOND_POLICY_BROADCAST;
		say(v, VERDICT_GOOD,
		    "Policy: broadcast. More than one uplink carries the highest bitrate alone, so "
		    "all can carry everything.");
	} else {
		say(v, VERDICT_GOOD, "Policy: aggregate. The stream needs the sum of the uplinks.");
	}
}

static void judge_uplink(const struct verdict_uplink *u, struct verdict *v)
{
	if (!u->answered) {
		say(v, VERDICT_WARNING,
		    "%s: no answer. Is it online, and does its network let UDP through?", u->name);
		return;
	}
	if (u->outages)
		say(v, VERDICT_WARNING, "%s: fell silent %u times, for %u s in all.", u->name,
		    u->outages, u->down_seconds);
	if (u->loss_ppm > LOSS_MUCH)
		say(v, VERDICT_WARNING,
		    "%s: loses %u.%u %% of its packets; the bond mends that, but an uplink with a "
		    "better signal carries more.",
		    u->name, u->loss_ppm / 10000, u->loss_ppm / 1000 % 10);
	if (u->rtt_median > RTT_LONG)
		say(v, VERDICT_ADVICE,
		    "%s: the round trip takes %" PRIu64 " ms, which is why the latency has to be "
		    "long.",
		    u->name, u->rtt_median / USEC_PER_MS);
	if (u->capacity_p5 && u->capacity_median > STABLE_RATIO * u->capacity_p5)
		say(v, VERDICT_ADVICE,
		    "%s: swings between much and little; count on the lower figure.", u->name);
}

void verdict_judge(const struct verdict_figures *figures, struct verdict *ret_verdict)
{
	*ret_verdict = (struct verdict){ 0 };
	judge_bitrate(figures, ret_verdict);
	judge_latency(figures, ret_verdict);
	judge_policy(figures, ret_verdict);
	for (unsigned i = 0; i < figures->uplinks; i++)
		judge_uplink(&figures->uplink[i], ret_verdict);
}
