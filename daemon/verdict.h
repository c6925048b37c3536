#pragma once

#include "bond/bond.h"

/*
 * The judgement of a rehearsal: from what was measured to a bitrate, a latency, a policy, and what
 * a person should do, in words. Pure.
 */
#define VERDICT_LINES_MAX 24

struct verdict_uplink {
	char name[BOND_NAME_MAX];
	enum bond_cost cost;
	bool answered;			       /* something came back on it at all */
	uint64_t capacity_p5, capacity_median; /* bit/s, over the seconds */
	usec_t rtt_median, rtt_p95;
	usec_t jitter;	   /* median of the variance of the round trip */
	unsigned loss_ppm; /* of all that was sent on it */
	unsigned outages;  /* times that it fell silent */
	unsigned down_seconds;
	uint64_t bytes;
};

struct verdict_figures {
	unsigned seconds;
	usec_t latency;		 /* in force */
	uint64_t advice_max_bps; /* as configured */
	unsigned uplinks;
	struct verdict_uplink uplink[BOND_PATHS_MAX];
	uint64_t total_p5, total_median; /* capacity of all uplinks together */
	uint64_t spare_p5;		 /* the same without the strongest one */
	uint64_t free_p5;		 /* the same of the free ones alone */
	uint64_t advice_p5, advice_median, advice_most;
	uint64_t packets, lost; /* at the receiver */
	usec_t delay_median, delay_p99, delay_p999;
};

enum verdict_level {
	VERDICT_GOOD,
	VERDICT_ADVICE,
	VERDICT_WARNING,
};

struct verdict {
	uint64_t bitrate_bps;	  /* for an encoder with a fixed bitrate; 0: too little to stream */
	uint64_t bitrate_max_bps; /* for one that follows the advice */
	usec_t latency;		  /* 0: not known */
	enum bond_policy policy;
	unsigned lines;
	struct {
		enum verdict_level level;
		char text[240];
	} line[VERDICT_LINES_MAX];
};

void verdict_judge(const struct verdict_figures *figures, struct verdict *ret_verdict);
