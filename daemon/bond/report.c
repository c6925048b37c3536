#include "bond/report.h"

/*
 * Reports ride on acknowledgements and may overtake each other on different paths; as every count
 * only grows, the one with the greater sum is the newer.
 */
static uint64_t report_progress(const struct frame_report *f)
{
	return f->next_seq + f->delivered + f->lost + f->late + f->duplicate;
}

static struct frame_report report_of(const struct playout *p)
{
	return (struct frame_report){ .next_seq = playout_next_seq(p),
				      .delivered = p->delivered,
				      .lost = p->lost,
				      .late = p->late,
				      .duplicate = p->duplicate };
}

usec_t report_due_at(const struct report *r, const struct playout *playout)
{
	struct frame_report f = report_of(playout);

	return report_progress(&f) == r->sent_progress ? USEC_NEVER : r->sent_at + REPORT_SPACING;
}

bool report_make(struct report *r, struct playout *playout, usec_t now,
		 struct frame_report *ret_frame)
{
	struct frame_report f = report_of(playout);

	if (report_due_at(r, playout) > now)
		return false;
	r->sent_at = now;
	r->sent_progress = report_progress(&f);
	f.slack_usec = (uint32_t)usec_min(playout_slack(playout), UINT32_MAX);
	*ret_frame = f;
	return true;
}

void report_take(struct report *r, const struct frame_report *frame, usec_t now)
{
	if (r->heard_at && report_progress(frame) <= report_progress(&r->peer))
		return;
	r->peer = *frame;
	r->heard_at = now;
}

struct frame_report report_total(const struct report *r)
{
	struct frame_report total = r->peer;

	total.delivered += r->base.delivered;
	total.lost += r->base.lost;
	total.late += r->base.late;
	total.duplicate += r->base.duplicate;
	return total;
}

void report_restart(struct report *r)
{
	r->base = report_total(r);
	r->peer = (struct frame_report){ 0 };
	r->heard_at = 0;
}
