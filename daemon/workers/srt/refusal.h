#pragma once

#include <stdbool.h>

/* What the reasons of a refused SRT connection mean, for people. */
const char *refusal_text(int reason);
/* Whether a person has to change something before it can work. */
bool refusal_is_lasting(int reason);
