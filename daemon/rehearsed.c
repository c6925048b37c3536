#include "rehearsed.h"

#include <stdlib.h>

#include "wire/rehearse.h"

struct rehearsed {
	uint32_t id;
	struct rehearse_report report;
};

struct rehearsed *rehearsed_new(void)
{
	return calloc(1, sizeof(struct rehearsed));
}

struct rehearsed *rehearsed_free(struct rehearsed *rehearsed)
{
	free(rehearsed);
	return NULL;
}

static void answer(struct rehearsed *rehearsed, struct bond *bond, usec_t now)
{
	uint8_t data[REHEARSE_REPORT_MAX];
	size_t len = rehearse_report_encode(data, rehearsed->id, &rehearsed->report);

	/* Without room it is asked for again. */
	(void)bond_submit(bond, BOND_MEDIA_CONTROL, WIRE_CLASS_TABLES, data, len, now, now);
}

bool rehearsed_take(struct rehearsed *rehearsed, const struct bond_media *media, struct bond *bond,
		    usec_t now)
{
	bool is_data = media->kind == BOND_MEDIA_DATA;
	enum rehearse_kind kind;
	uint32_t id;

	if (!rehearse_is(media->data, media->len))
		return false;
	if (!rehearse_decode(media->data, media->len, &kind, &id) ||
	    kind != (is_data ? REHEARSE_MEDIA : REHEARSE_ASK))
		return true;
	if (id != rehearsed->id)
		*rehearsed = (struct rehearsed){ .id = id };
	if (!is_data) {
		answer(rehearsed, bond, now);
		return true;
	}
	rehearsed->report.packets++;
	rehearsed->report.lost += media->lost;
	histogram_add(&rehearsed->report.delays, media->delay);
	return true;
}
