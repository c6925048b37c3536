#include "quality.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/modem.h"
#include "net/wifi.h"

#define MODEM_PERIOD (5 * USEC_PER_SEC)

struct quality {
	struct wifi *wifi;
	struct modems *modems;
};

struct quality *quality_new(struct loop *loop)
{
	struct quality *quality = calloc(1, sizeof(*quality));

	if (!quality)
		return NULL;
	quality->wifi = wifi_new(loop);
	quality->modems = modems_new(loop, MODEM_PERIOD);
	return quality->wifi && quality->modems ? quality : quality_free(quality);
}

struct quality *quality_free(struct quality *quality)
{
	if (!quality)
		return NULL;
	quality->modems = modems_free(quality->modems);
	quality->wifi = wifi_free(quality->wifi);
	free(quality);
	return NULL;
}

void quality_tick(struct quality *quality, const struct uplinks *uplinks)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		const struct uplink *uplink = uplinks_get(uplinks, i);

		if (uplink && uplink->item.classify.type == CLASSIFY_TYPE_WIFI)
			wifi_ask(quality->wifi, uplink->on_index);
	}
}

void quality_stats(const struct quality *quality, const struct uplink *uplink,
		   struct stats_uplink *stats)
{
	const struct modem_info *modem = modems_find(quality->modems, stats->device);
	const struct wifi_info *wifi =
		uplink->fd >= 0 ? wifi_info(quality->wifi, uplink->on_index) : NULL;

	if (wifi) {
		stats->signal_dbm = wifi->signal_dbm;
		stats->bitrate_bps = wifi->tx_bps;
	}
	if (modem) {
		memcpy(stats->operator_name, modem->operator_name, sizeof(stats->operator_name));
		memcpy(stats->technology, modem->technology, sizeof(stats->technology));
		stats->signal_dbm = modem->signal_dbm;
		stats->signal_percent = modem->signal_percent;
	}
}
