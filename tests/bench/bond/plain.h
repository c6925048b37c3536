#pragma once

#include "bench/bond/spread.h"
#include "sim/world.h"

/*
 * The plain world: an SRT connection whose datagrams a spread puts on the links, as an SRTLA sender
 * and receiver do, over the field, source and recorder of the world. A media packet costs its bytes
 * and IP and UDP: the header of SRT is part of it. The receiver of the spread acknowledges every
 * ten datagrams of a link there, and sends what SRT's receiver says over all links; a source that
 * follows gets the bitrate of belacoder.
 *
 * What an address translation forgets must be registered anew, for which the spread has to notice
 * the silence; an uplink with a new address is registered at once. A receiver that is started anew
 * is not modelled: SRT begins another connection.
 */
int plain_run(enum spread_way way, const struct world_config *config, uint64_t seed,
	      struct world_figures *ret_figures);
