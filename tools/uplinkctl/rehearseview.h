#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The report of a rehearsal (REPORT of include/uplinkd/control.h) as text for people, on standard
 * output. */
void rehearseview(bool color, bool unicode, const json_t *report);
