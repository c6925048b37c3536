#pragma once

#include "bond/bond.h"
#include "net/iftable.h"
#include "net/netfacts.h"

/*
 * What is wrong with the uplinks of this machine, and what to do about it: a judgement over facts
 * that others have gathered. Reads nothing itself.
 */
#define DOCTOR_UPLINKS_MAX  BOND_PATHS_MAX
#define DOCTOR_FINDINGS_MAX 64 /* more are left out, the worst first */

enum doctor_answer {
	DOCTOR_NOT_ASKED,
	DOCTOR_ANSWERED,
	DOCTOR_SILENT,
};

struct doctor_uplink {
	char name[BOND_NAME_MAX];
	char device[IF_NAMESIZE]; /* "": not bound to an interface */
	char type[16];		  /* "lan", "wifi", "cellular", "tether", "unknown" */
	bool open;
	char problem[160];	    /* why it is not, in words */
	struct bond_address local;  /* empty when it is not open */
	struct bond_address remote; /* of the receiver */
	unsigned path_mtu;	    /* told on the way; 0: nobody complained */
	bool fragments;		    /* what is too long for it goes in fragments */
	enum doctor_answer dns;	    /* of a name server, over this uplink */
	char dns_server[64];

	enum bond_path_state state;
	usec_t state_age;
	/* Since the check before: datagrams of more than 1200 bytes, and shorter ones. */
	uint64_t long_lost, long_acked, short_acked;
};

struct doctor_facts {
	const struct iftable *interfaces;
	const struct netfacts *net;
	unsigned uplinks;
	struct doctor_uplink uplink[DOCTOR_UPLINKS_MAX];
	bool running;		    /* a session is tried: states and counters mean something */
	char receiver_problem[400]; /* of its name; "" = none */
	char routes_problem[160];   /* of the route manager; "" = none */
};

enum doctor_severity {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* good to know, nothing to do */
	DOCTOR_WARNING, /* costs something */
	DOCTOR_ERROR,	/* this uplink, or everything, does not work because of it */
};

struct doctor_finding {
	const char *code; /* a word for programs: "no-default-route", "rp-filter", ... */
	enum doctor_severity severity;
	char uplink[BOND_NAME_MAX]; /* "" = not of one */
	char text[240];
	char advice[300]; /* what to do; "" = nothing */
};

struct doctor_report {
	unsigned count;
	struct doctor_finding finding[DOCTOR_FINDINGS_MAX]; /* the worst first, then as checked */
};

/* Each check that found nothing gives one finding DOCTOR_OK. */
void doctor_judge(const struct doctor_facts *facts, struct doctor_report *ret_report);
/* "ok", "note", "warning", "error". */
const char *doctor_severity_text(enum doctor_severity severity);
/* The same thing is found; the words may differ. */
bool doctor_same(const struct doctor_finding *a, const struct doctor_finding *b);
