#include "sim/row.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct text {
	char *to;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->to, text->left, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	if ((size_t)n >= text->left)
		n = (int)text->left - 1;
	text->to += n;
	text->left -= (size_t)n;
}

unsigned row_copies_permille(const struct world_figures *figures)
{
	return figures->media_packets
		       ? (unsigned)(figures->copy_packets * 1000 / figures->media_packets)
		       : 0;
}

unsigned row_overhead_permille(const struct world_figures *f)
{
	uint64_t useful =
		f->media.submitted ? f->primary_bytes * f->media.delivered / f->media.submitted : 0;

	return useful && f->up_bytes > useful ? (unsigned)((f->up_bytes - useful) * 1000 / useful)
					      : 0;
}

unsigned row_back_permille(const struct world_figures *f)
{
	return f->primary_bytes ? (unsigned)(f->down_bytes * 1000 / f->primary_bytes) : 0;
}

static void judge_shares(const struct row *row, const struct world_figures *f, struct text *why)
{
	for (unsigned k = 0; k < ROW_WINDOWS_MAX && row->share[k].link; k++) {
		const struct row_share *share = &row->share[k];
		uint64_t bytes = 0, most = 0, bps;

		for (unsigned i = 0; i < f->links; i++) {
			if (strcmp(f->link[i].name, share->link))
				continue;
			for (unsigned s = share->from_s; s < share->to_s; s++) {
				uint64_t second = world_link_bytes(&f->link[i], s * USEC_PER_SEC,
								   (s + 1) * USEC_PER_SEC);

				bytes += second;
				if (second > most)
					most = second;
			}
		}
		bps = bytes * 8 / (share->to_s - share->from_s);
		if (share->peak_bps && most * 8 > share->peak_bps)
			add(why, "; %s carries %" PRIu64 " bit/s in one second", share->link,
			    most * 8);
		if (bps < share->min_bps || (share->max_bps && bps > share->max_bps))
			add(why, "; %s carries %" PRIu64 " kb/s from %u s to %u s", share->link,
			    bps / 1000, share->from_s, share->to_s);
	}
}

static void judge_advice(const struct row *row, const struct world_figures *f, struct text *why)
{
	for (unsigned k = 0; k < ROW_WINDOWS_MAX && row->advice[k].to; k++) {
		const struct row_advice *bound = &row->advice[k];

		if (!f->advices || f->advice[0].at > bound->from)
			add(why, "; no advice by %.3f s", (double)bound->from / USEC_PER_SEC);
		for (unsigned i = 0; i < f->advices; i++) {
			const struct world_advice *a = &f->advice[i];
			usec_t until = i + 1 < f->advices ? f->advice[i + 1].at : USEC_NEVER;

			if (a->at > bound->to || until <= bound->from ||
			    (a->bps >= bound->min_bps &&
			     (!bound->max_bps || a->bps <= bound->max_bps)))
				continue;
			add(why, "; the advice of %.3f s is %" PRIu64 " kb/s",
			    (double)a->at / USEC_PER_SEC, a->bps / 1000);
			break;
		}
	}
}

static uint64_t on_time_bps(const struct row *row, const struct world_figures *f)
{
	uint64_t packets = f->media.delivered - f->media.late;

	return f->media.submitted ? (uint64_t)((unsigned __int128)f->primary_bytes * packets /
					       f->media.submitted * 8 * USEC_PER_SEC /
					       world_length(&row->world))
				  : 0;
}

void row_judge(const struct row *row, const struct world_figures *f, char *ret_why, size_t size)
{
	struct text why = { ret_why, size };
	uint64_t control_lost = f->control_sent - f->control_delivered;

	*ret_why = '\0';
	if (f->failure)
		add(&why, "; %s at %.6f s", f->failure, (double)f->failed_at / USEC_PER_SEC);
	if (row->lost_max != ROW_ANY && f->media.lost > row->lost_max)
		add(&why, "; %" PRIu64 " lost (at most %u)", f->media.lost, row->lost_max);
	if (row->late_max != ROW_ANY && f->media.late > row->late_max)
		add(&why, "; %" PRIu64 " late (at most %u)", f->media.late, row->late_max);
	if (control_lost > row->control_lost_max)
		add(&why, "; %" PRIu64 " control packets lost (at most %u)", control_lost,
		    row->control_lost_max);
	if (!row->parity && f->parity_packets)
		add(&why, "; %" PRIu64 " parity packets", f->parity_packets);
	if (row->gap_max && f->media.gap > row->gap_max)
		add(&why, "; a gap of %" PRIu64 " ms at %.3f s (at most %" PRIu64 ")",
		    f->media.gap / 1000, (double)f->media.gap_at / USEC_PER_SEC,
		    row->gap_max / 1000);
	if (row->p99_max && f->media.p99 > row->p99_max)
		add(&why, "; p99 of the delay %" PRIu64 " ms (at most %" PRIu64 ")",
		    f->media.p99 / 1000, row->p99_max / 1000);
	if (f->media.least < row->least_min)
		add(&why, "; least delay %" PRIu64 " ms (at least %" PRIu64 ")",
		    f->media.least / 1000, row->least_min / 1000);
	if (row->spacing_max && f->media.spacing > row->spacing_max)
		add(&why, "; spacing off by %" PRIu64 " us at %.3f s (at most %" PRIu64 ")",
		    f->media.spacing, (double)f->media.spacing_at / USEC_PER_SEC, row->spacing_max);
	if (row->wander_max && f->media.wander > row->wander_max)
		add(&why, "; %" PRIu64 " us off in a second at %.3f s (at most %" PRIu64 ")",
		    f->media.wander, (double)f->media.wander_at / USEC_PER_SEC, row->wander_max);
	if (row->copies_permille_max && row_copies_permille(f) > row->copies_permille_max)
		add(&why, "; copies %u per mille (at most %u)", row_copies_permille(f),
		    row->copies_permille_max);
	if (row->overhead_permille_max && row_overhead_permille(f) > row->overhead_permille_max)
		add(&why, "; overhead %u per mille (at most %u)", row_overhead_permille(f),
		    row->overhead_permille_max);
	if (row->back_permille_max && row_back_permille(f) > row->back_permille_max)
		add(&why, "; %u per mille back (at most %u)", row_back_permille(f),
		    row->back_permille_max);
	if (on_time_bps(row, f) < row->on_time_bps_min)
		add(&why, "; %" PRIu64 " kb/s on time (at least %" PRIu64 ")",
		    on_time_bps(row, f) / 1000, row->on_time_bps_min / 1000);
	if (f->cut_pictures > row->cut_max && row->cut_max != ROW_ANY)
		add(&why, "; %" PRIu64 " pictures left out (at most %u)", f->cut_pictures,
		    row->cut_max);
	if (f->cut_pictures < row->cut_min)
		add(&why, "; %" PRIu64 " pictures left out (at least %u)", f->cut_pictures,
		    row->cut_min);
	if (f->sessions != (row->sessions ? row->sessions : 1))
		add(&why, "; %" PRIu64 " sessions", f->sessions);
	judge_shares(row, f, &why);
	judge_advice(row, f, &why);
	/* The first two characters join what follows. */
	if (*ret_why)
		memmove(ret_why, ret_why + 2, strlen(ret_why + 2) + 1);
}

void row_describe(const struct row *row, const struct world_figures *f, char *ret_line, size_t size)
{
	struct text line = { ret_line, size };

	*ret_line = '\0';
	add(&line,
	    "%" PRIu64 " of %" PRIu64 " packets, lost %" PRIu64 ", late %" PRIu64
	    ", delay p50/p99/max %" PRIu64 "/%" PRIu64 "/%" PRIu64 " ms, gap %" PRIu64
	    " ms, copies %.1f %%, overhead %.1f %%, back %.1f %%",
	    f->media.delivered, f->media.submitted, f->media.lost, f->media.late,
	    f->media.p50 / 1000, f->media.p99 / 1000, f->media.most / 1000, f->media.gap / 1000,
	    row_copies_permille(f) / 10.0, row_overhead_permille(f) / 10.0,
	    f->primary_bytes ? (double)f->down_bytes * 100.0 / (double)f->primary_bytes : 0.0);
	if (f->parity_packets)
		add(&line, ", parity %" PRIu64, f->parity_packets);
	if (row->world.feed_ts)
		add(&line, ", spacing %" PRIu64 " us, wander %" PRIu64 " us", f->media.spacing,
		    f->media.wander);
	if (row->on_time_bps_min)
		add(&line, ", on time %.2f Mb/s", (double)on_time_bps(row, f) / 1e6);
	if (row->world.control_every)
		add(&line, ", control %" PRIu64 " of %" PRIu64, f->control_delivered,
		    f->control_sent);
	if (f->pictures)
		add(&line, ", left out %" PRIu64 " of %" PRIu64 " pictures", f->cut_pictures,
		    f->pictures);
	if (f->media.again)
		add(&line, ", again %" PRIu64, f->media.again);
	if (f->junk_bad)
		add(&line, ", refused input %" PRIu64, f->junk_bad);
	add(&line, ", share");
	for (unsigned i = 0; i < f->links; i++)
		add(&line, " %s %" PRIu64 "%%", f->link[i].name,
		    f->up_bytes ? f->link[i].bytes * 100 / f->up_bytes : 0);
}
