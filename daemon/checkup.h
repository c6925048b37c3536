#pragma once

#include <stdio.h>

#include "config.h"
#include "ctl/stats.h"
#include "journal.h"
#include "net/doctor.h"
#include "net/uplinks.h"
#include "sys/loop.h"

/*
 * The diagnosis (net/doctor.h) of a sender, made every few seconds: gathers the facts, tells the
 * journal what has come and gone.
 */
struct checkup;

/* NULL: out of memory. Everything given must outlive it. */
struct checkup *checkup_new(struct loop *loop, struct uplinks *uplinks, struct bond *bond,
			    struct journal *journal);
struct checkup *checkup_free(struct checkup *checkup);
/* Of the route manager; "" = nothing is wrong with it. */
void checkup_routes_problem(struct checkup *checkup, const char *problem);
/* What is not well, as of the last time. */
void checkup_stats(const struct checkup *checkup, struct stats *stats);
/* The command "doctor" of the control socket. */
json_t *checkup_command(void *checkup, json_t *request, const char **ret_why);

/* Without a running sender: what can be said of this machine's uplinks for this configuration,
 * printed a line each. 0; 1: something is not well; negative: it could not be looked at. */
int checkup_print(const struct config *config, FILE *file);
