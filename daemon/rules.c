#include "rules.h"

#include <assert.h>
#include <string.h>

static void uplink_rule(const struct config_uplink *uplink, struct rule *rule)
{
	static const enum bond_cost costs[] = {
		[CONFIG_COST_FREE] = BOND_COST_FREE,
		[CONFIG_COST_PAID] = BOND_COST_PAID,
		[CONFIG_COST_EXPENSIVE] = BOND_COST_EXPENSIVE,
	};
	static const enum rule_dscp dscps[] = {
		[CONFIG_DSCP_AUTO] = RULE_DSCP_AUTO, [CONFIG_DSCP_NONE] = RULE_DSCP_NONE,
		[CONFIG_DSCP_CS4] = RULE_DSCP_CS4,   [CONFIG_DSCP_AF41] = RULE_DSCP_AF41,
		[CONFIG_DSCP_EF] = RULE_DSCP_EF,
	};

	*rule = (struct rule){
		.cost_by_type = uplink->cost == CONFIG_COST_AUTO,
		.cost = costs[uplink->cost],
		.rate_max_bps = uplink->rate_max_bps,
		.dscp = dscps[uplink->dscp],
		.use = uplink->use,
	};
#define COPY(field)                                                                                \
	static_assert(sizeof(rule->field) == sizeof(uplink->field), "as large");                   \
	memcpy(rule->field, uplink->field, sizeof(rule->field))
	COPY(name);
	COPY(device);
	COPY(path);
	COPY(driver);
	COPY(type);
	COPY(ssid);
	COPY(address);
	COPY(to);
#undef COPY
}

unsigned rules_of(const struct config *config, struct rule ret_rules[static CONFIG_UPLINKS_MAX])
{
	for (unsigned i = 0; i < config->uplink_count; i++)
		uplink_rule(&config->uplinks[i], &ret_rules[i]);
	return config->uplink_count;
}
