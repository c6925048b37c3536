#pragma once

#include <stdbool.h>

#include "bond/path.h"

/*
 * The ladder of trust of a path: UP, SUSPECT, MUTED, DEAD, and the way back up. Silence leads
 * down, delivered packets lead up; idleness proves nothing.
 */

/* Time passed. @alone: no other path is usable. @latency: of the bond. Returns when to call
 * again. The caller takes away what is on a path that fell (see stall_fell()). */
usec_t stall_check(struct path *p, bool alone, usec_t latency, usec_t now);
/* True once after the path fell out of UP, or into MUTED: its packets need other ways. */
bool stall_fell(struct path *p, enum bond_path_state before);
/* @packets of the path were acknowledged; the newest of these left at @sent_at. */
void stall_progress(struct path *p, unsigned packets, usec_t sent_at, bool alone, usec_t now);
/* How often an untrusted path is asked. */
usec_t stall_probe_interval(const struct path *p, bool alone);
