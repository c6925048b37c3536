#pragma once

#include <stdbool.h>

/* The mechanisms of the engine that can be switched off, by name. */
struct switch_name {
	const char *name;
	unsigned bit; /* enum bond_switch */
};

extern const struct switch_name switches[];
extern const unsigned switches_count;

/* Adds the bit of @name to *off. False: there is none (told on stderr). */
bool switch_find(const char *name, unsigned *off);
