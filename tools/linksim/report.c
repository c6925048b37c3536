#include "report.h"

#include <inttypes.h>

static const char *const outages[] = {
	[LINK_OUTAGE_NONE] = "none",   [LINK_OUTAGE_BLACKHOLE] = "blackhole",
	[LINK_OUTAGE_STALL] = "stall", [LINK_OUTAGE_SUSPEND] = "suspend",
	[LINK_OUTAGE_DOWN] = "down",
};

static void quote(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(to, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void begin_link(FILE *to, const struct carrier *carrier, bool first)
{
	fputs(first ? "{\"name\":" : ",{\"name\":", to);
	quote(to, carrier->name);
	fputc(',', to);
	carrier->ops->describe(carrier, to);
}

void report_ready(FILE *to, struct carrier *const *carriers, unsigned count)
{
	fputs("{\"event\":\"ready\",\"links\":[", to);
	for (unsigned i = 0; i < count; i++) {
		begin_link(to, carriers[i], !i);
		fputc('}', to);
	}
	fputs("]}\n", to);
	(void)fflush(to);
}

static void direction(FILE *to, const char *name, const struct link *link)
{
	const struct link_counters *c = link_counters(link);

	fprintf(to,
		",\"%s\":{\"rate\":%" PRIu64 ",\"outage\":\"%s\",\"offered\":%" PRIu64
		",\"offered_bytes\":%" PRIu64 ",\"delivered\":%" PRIu64
		",\"delivered_bytes\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"dropped_queue\":%" PRIu64
		",\"dropped_outage\":%" PRIu64 ",\"dropped_mtu\":%" PRIu64
		",\"duplicated\":%" PRIu64 ",\"queue_bytes\":%" PRIu64
		",\"queue_bytes_max\":%" PRIu64 "}",
		name, link_rate_bps(link), outages[link_outage(link)], c->offered, c->offered_bytes,
		c->delivered, c->delivered_bytes, c->lost, c->dropped_queue, c->dropped_outage,
		c->dropped_mtu, c->duplicated, link_queued_bytes(link), c->queue_bytes_max);
}

void report_stats(FILE *to, struct carrier *const *carriers, unsigned count, usec_t since)
{
	fprintf(to, "{\"event\":\"stats\",\"t\":%" PRIu64 ".%03" PRIu64 ",\"links\":[",
		since / USEC_PER_SEC, since % USEC_PER_SEC / USEC_PER_MS);
	for (unsigned i = 0; i < count; i++) {
		begin_link(to, carriers[i], !i);
		fprintf(to, ",\"overflows\":%" PRIu64, carriers[i]->overflows);
		direction(to, "up", carriers[i]->up);
		direction(to, "down", carriers[i]->down);
		fputc('}', to);
	}
	fputs("]}\n", to);
	(void)fflush(to);
}

void report_event(FILE *to, const char *event, const char *what)
{
	fprintf(to, "{\"event\":\"%s\",\"what\":", event);
	quote(to, what);
	fputs("}\n", to);
	(void)fflush(to);
}
