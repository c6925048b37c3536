#pragma once

#include <stdio.h>

#include "carrier.h"

/* What linksim prints: JSON lines. */

/* {"event":"ready","links":[{"name":"lan","listen":"127.0.0.1:4711",...}]} */
void report_ready(FILE *to, struct carrier *const *carriers, unsigned count);
/* {"event":"stats","t":12.000,"links":[{"name":"lan",...,"up":{...},"down":{...}}]}; counters
 * count from the start. @since: how long it has been running. */
void report_stats(FILE *to, struct carrier *const *carriers, unsigned count, usec_t since);
/* {"event":@event,"what":@what} */
void report_event(FILE *to, const char *event, const char *what);
