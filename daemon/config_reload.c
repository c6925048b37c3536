#include "config_table.h"

#include <string.h>

/*
 * What a reload cannot change. The table tells which settings a running role takes up; every other
 * one that differs is told to the operator, who would otherwise believe that it holds.
 */
static bool differs(const struct config_key *key, const struct config *old,
		    const struct config *fresh)
{
	const char *a = (const char *)old + key->offset, *b = (const char *)fresh + key->offset;

	switch (key->type) {
	case CONFIG_TYPE_TEXT:
	case CONFIG_TYPE_FILE:
	case CONFIG_TYPE_DEVICE:
	case CONFIG_TYPE_ADDRESS:
	case CONFIG_TYPE_ENDPOINT:
	case CONFIG_TYPE_LISTEN:
	case CONFIG_TYPE_WORD:
	case CONFIG_TYPE_LADDER:
		return strcmp(a, b) != 0;
	case CONFIG_TYPE_URL_INPUT:
	case CONFIG_TYPE_URL_OUTPUT:
		return strcmp(((const struct config_url *)a)->text,
			      ((const struct config_url *)b)->text) != 0;
	case CONFIG_TYPE_RECEIVERS:
	case CONFIG_TYPE_DURATION:
	case CONFIG_TYPE_SECONDS:
	case CONFIG_TYPE_RATE:
	case CONFIG_TYPE_SIZE:
	case CONFIG_TYPE_BOOL:
	case CONFIG_TYPE_CHOICE:
		break;
	}
	return memcmp(a, b, key->size) != 0;
}

bool config_restart_next(const struct config *old, const struct config *fresh, size_t *at,
			 char *name, size_t size)
{
	while (*at < config_key_count) {
		const struct config_key *key = &config_keys[(*at)++];

		if (key->section >= CONFIG_SECTION_UPLINK || key->live ||
		    !(key->roles & 1u << fresh->role) || !differs(key, old, fresh))
			continue;
		(void)snprintf(name, size, "[%s] %s",
			       config_section_name(key->section, fresh->role), key->name);
		return true;
	}
	if (*at == config_key_count && memcmp(old->key, fresh->key, sizeof(old->key)) != 0) {
		(*at)++;
		(void)snprintf(name, size, "the key");
		return true;
	}
	return false;
}
