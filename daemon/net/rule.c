#include "net/rule.h"

#include <fnmatch.h>
#include <string.h>

/* Code points of RFC 2474, 2597, 3246. */
#define DSCP_CS4  32
#define DSCP_AF41 34
#define DSCP_EF	  46

bool rule_is_fixed(const struct rule *rule)
{
	if (rule->address[0])
		return true;
	return rule->device[0] && !strpbrk(rule->device, "*?[") && !rule->path[0] &&
	       !rule->driver[0] && !rule->type[0] && !rule->ssid[0];
}

static bool fits(const char *pattern, const char *text)
{
	return !pattern[0] || !fnmatch(pattern, text, 0);
}

bool rule_matches(const struct rule *rule, const struct inventory_item *item)
{
	if (rule->address[0])
		return false;
	return fits(rule->device, item->device) && fits(rule->path, item->classify.path) &&
	       fits(rule->driver, item->classify.driver) &&
	       fits(rule->type, classify_type_text(item->classify.type)) &&
	       fits(rule->ssid, item->ssid);
}

const struct rule *rule_find(const struct rule *rules, unsigned count,
			     const struct inventory_item *item)
{
	for (unsigned i = 0; i < count; i++)
		if (rule_matches(&rules[i], item))
			return &rules[i];
	return NULL;
}

enum bond_cost rule_cost(const struct rule *rule, const struct inventory_item *item)
{
	if (rule && !rule->cost_by_type)
		return rule->cost;
	return item && (classify_type_is_paid(item->classify.type) || item->hotspot)
		       ? BOND_COST_PAID
		       : BOND_COST_FREE;
}

unsigned rule_dscp(const struct rule *rule, const struct inventory_item *item)
{
	switch (rule ? rule->dscp : RULE_DSCP_AUTO) {
	case RULE_DSCP_AUTO:
		break;
	case RULE_DSCP_NONE:
		return 0;
	case RULE_DSCP_CS4:
		return DSCP_CS4;
	case RULE_DSCP_AF41:
		return DSCP_AF41;
	case RULE_DSCP_EF:
		return DSCP_EF;
	}
	/* Wi-Fi sends AF41 by its queue for video, and a venue's switches may honour it. Carriers
	 * take it off, and some drop what they do not expect. */
	return item && (item->classify.type == CLASSIFY_TYPE_LAN ||
			item->classify.type == CLASSIFY_TYPE_WIFI)
		       ? DSCP_AF41
		       : 0;
}
