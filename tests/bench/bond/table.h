#pragma once

#include <stdio.h>

#include "bench/bond/series.h"

/* The contenders of one scenario, a line each for the median and the worst of the seeds. */
void table_print(FILE *to, const struct series *series, unsigned count);
/* The same as one JSON object, without a line end. */
void table_json(FILE *to, const struct series *series, unsigned count);
