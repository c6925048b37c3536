#pragma once

#include "client.h"

/* Shows the status every @interval_ms until the user quits or uplinkd ends: on a terminal as a view
 * that is drawn in place, else as lines. The exit status of the program. */
int watch(struct client *client, int interval_ms, bool color, bool unicode);
