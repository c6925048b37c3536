#include "limit.h"

#include "sys/log.h"
#include "wire/note.h"

bool limit_take(struct limit *limit, const struct bond_media *media)
{
	struct note note = note_decode(media->data, media->len);

	if (media->kind == BOND_MEDIA_DATA || note.kind == NOTE_NONE)
		return false;
	if (note.kind != NOTE_LIMIT || note.video_max_bps == limit->picture_max_bps)
		return true;
	limit->picture_max_bps = note.video_max_bps;
	if (note.video_max_bps)
		journal_add(limit->journal, LOG_LEVEL_INFO, NULL,
			    "the receiver's outputs take a picture of at most %llu kb/s",
			    (unsigned long long)(note.video_max_bps / 1000));
	else
		journal_add(limit->journal, LOG_LEVEL_INFO, NULL,
			    "the receiver's outputs set no limit any more");
	return true;
}

void limit_advise(struct limit *limit, uint64_t bps, const char *reason)
{
	uint64_t stream_max_bps = limit->picture_max_bps
					  ? live_stream_bps(limit->live, limit->picture_max_bps)
					  : UINT64_MAX;

	limit->advice_bps = bps;
	limit->told_bps = stream_max_bps < bps ? stream_max_bps : 0;
	/* What the operator or an output limits is not the uplinks' fault. */
	live_carried(limit->live, bps < limit->advice_max_bps ? bps : UINT64_MAX);
	if (limit->told_bps) {
		bps = limit->told_bps;
		reason = "limit of the receiver's outputs";
	}
	encoder_advise(limit->encoder, bps, live_picture_bps(limit->live, bps), reason);
}

void limit_tick(struct limit *limit)
{
	if (limit->advice_bps)
		limit_advise(limit, limit->advice_bps, "as before");
}
