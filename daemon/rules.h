#pragma once

#include "config.h"
#include "net/rule.h"

/* The sections [uplink NAME] as rules of net/rule.h, in their order; their number. */
unsigned rules_of(const struct config *config, struct rule ret_rules[static CONFIG_UPLINKS_MAX]);
