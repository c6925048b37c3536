#pragma once

#include <jansson.h>

#include "bond/bond.h"

/*
 * One snapshot of everything an operator may ask. sender.c and receiver.c fill it; the control
 * socket (and whatever shows it) speaks of nothing else. ctl/stats.c turns it to JSON by one table,
 * so that a new field has one home; the keys are the names below (units included).
 */
#define STATS_JOBS_MAX	     24
#define STATS_INTERFACES_MAX 48
#define STATS_LOG_MAX	     64 /* recent state changes kept with their reason */
#define STATS_FINDINGS_MAX   64

struct stats_uplink {
	char device[32];   /* interface; "" = not bound to one */
	char type[16];	   /* "lan", "wifi", "cellular", "tether", "unknown" */
	char bus_path[80]; /* where it is plugged in: the same for the same port; "" = virtual */
	char driver[32];
	char model[48];	   /* what a USB device calls itself */
	char ssid[33];	   /* of Wi-Fi */
	char local[64];	   /* local address and port */
	char remote[64];   /* receiver's (sender: the peer's) address and port */
	char problem[160]; /* why it is not used, and what to do; "" = nothing wrong */
	char service[12];  /* "serving", "muted", "draining", "drained" */
	char notice[160];  /* what the operator should know of it; "" = nothing */
	uint64_t day_bytes, month_bytes;	 /* both ways with headers, of local time */
	uint64_t cap_day_bytes, cap_month_bytes; /* 0: none */
	unsigned share_permille;		 /* of the media packets of the last second */
	char operator_name[64];			 /* modem */
	char technology[16];			 /* modem: "5G", "LTE", ... */
	int signal_dbm;				 /* 0 = not known, as below */
	unsigned signal_percent;		 /* modem */
	uint64_t bitrate_bps;			 /* Wi-Fi: what the radio sends with */
	struct bond_path_stats path;
};

/* An interface of this machine, used or not. */
struct stats_interface {
	char device[32];
	char type[16];
	char bus_path[80];
	char driver[32];
	char model[48];
	char ssid[33];
	char uplink[BOND_NAME_MAX]; /* the uplink that it is; "" = none */
	char reason[160];	    /* why it is not in use; "" = it is */
};

enum stats_job_kind {
	STATS_JOB_INPUT,
	STATS_JOB_RECORD,
	STATS_JOB_ENCODER,
	STATS_JOB_GATE,	     /* what is left out because the bond does not carry it */
	STATS_JOB_TRANSPORT, /* the srt worker of the inner leg */
	STATS_JOB_OUTPUT,
};

struct stats_job {
	enum stats_job_kind kind;
	char name[BOND_NAME_MAX];
	char where[256]; /* url without secrets, directory */
	char state[32];	 /* "waiting" "connecting" "streaming" "reconnecting" "failed" ... */
	char reason[256];
	char alarm[256];	/* "" = none */
	uint64_t bytes;		/* passed on since the start */
	uint64_t rate_bps;	/* over the last second */
	uint64_t dropped_bytes; /* lost here because it could not keep up */
	uint64_t ts_errors;	/* input: bytes or packets that were not MPEG-TS */
	unsigned restarts;
	int pid; /* 0: none */
};

/* A state change with its reason, newest last; sequence numbers tell what a reader has missed. */
struct stats_log {
	uint64_t number;
	uint64_t unix_usec;
	int level; /* enum log_level */
	char text[240];
};

/* What a diagnosis has found. */
struct stats_finding {
	const char *code;
	const char *severity; /* "ok", "note", "warning", "error" */
	char uplink[BOND_NAME_MAX];
	char text[240];
	char advice[300];
};

struct stats {
	const char *role; /* "sender" or "receiver" */
	const char *version;
	uint64_t unix_usec; /* when the snapshot was taken */
	usec_t uptime_usec;
	usec_t now;		/* engine time of the snapshot, for `since` fields */
	char stream[32];	/* "live", "degraded", "waiting for input", "offline" */
	struct bond_stats bond; /* paths are told in uplinks[] */
	unsigned uplinks;
	struct stats_uplink uplink[BOND_PATHS_MAX];
	unsigned interfaces; /* sender */
	struct stats_interface interface[STATS_INTERFACES_MAX];
	unsigned jobs;
	struct stats_job job[STATS_JOBS_MAX];
	unsigned findings; /* those that are not "ok" */
	struct stats_finding finding[STATS_FINDINGS_MAX];
	unsigned logs;
	struct stats_log log[STATS_LOG_MAX];
};

/* A path, a stream id or a line of a file may hold any bytes, a JSON string only UTF-8: what is not
 * ASCII in others becomes '?'. */
json_t *stats_text_json(const char *text);
/* "free", "paid", "expensive"; "aggregate", "broadcast", "backup". */
const char *stats_cost_text(enum bond_cost cost);
const char *stats_policy_text(enum bond_policy policy);
/* A new object; NULL: out of memory. */
json_t *stats_json(const struct stats *stats);
/* The same of a diagnosis alone, as an array. */
json_t *stats_findings_json(const struct stats_finding *findings, unsigned count);
