#include "workers/av/report.h"

#define GONE   (3 * USEC_PER_SEC) /* pictures or sound that do not come */
#define MEMORY (5 * USEC_PER_SEC) /* after this without a further one, a fault is over */

void report_init(struct report *report, struct supervisor *supervisor, usec_t now)
{
	*report = (struct report){ .supervisor = supervisor, .started = now, .at = now };
}

static void report_alarm(struct report *report, const char *id, bool active, const char *text,
			 const char *cleared)
{
	if (active)
		supervisor_alarm(report->supervisor, id, "%s", text);
	else
		supervisor_alarm_clear(report->supervisor, id, cleared);
}

static bool is_recent(usec_t at, usec_t now)
{
	return at && usec_since(at, now) < MEMORY;
}

bool report_has_misfits(const struct report *report, usec_t now)
{
	return is_recent(report->misfit_at, now);
}

/* Faults that happen at a moment. */
static void report_events(struct report *report, const struct report_numbers *numbers,
			  const struct demuxer_stats *input, usec_t now)
{
	const struct report_numbers *before = &report->before;

	if (numbers->dropped + input->dropped != before->dropped + report->input_before.dropped)
		report->slow_at = now;
	if (numbers->decode_errors + input->damaged !=
	    before->decode_errors + report->input_before.damaged)
		report->damaged_at = now;
	if (numbers->breaks != before->breaks)
		report->break_at = now;
	if (input->misfits != report->input_before.misfits)
		report->misfit_at = now;
	report_alarm(report, "encoder-slow", is_recent(report->slow_at, now),
		     "encoding does not keep up with real time: pictures are left out; use a "
		     "smaller picture, a cheaper preset or a faster machine",
		     "encoding keeps up with real time again");
	report_alarm(report, "input-damaged", is_recent(report->damaged_at, now),
		     "the input is damaged: packets are missing or broken between the encoder and "
		     "this machine; look at that cable or network",
		     "the input is whole again");
	report_alarm(report, "input-clock", is_recent(report->break_at, now),
		     "the time stamps of the input jump: the encoder was started again, or its "
		     "clock is wrong",
		     "the time stamps of the input go on evenly");
	report_alarm(report, "input-reference", report_has_misfits(report, now),
		     "the clock references (PCR) of the input do not fit its time stamps: its "
		     "multiplexer is wrong; it is encoded, which mends them, and does not pass",
		     "the clock references of the input fit its time stamps");
}

/* Faults that last. */
static void report_states(struct report *report, const struct report_numbers *numbers,
			  const struct demuxer_stats *input, usec_t now)
{
	bool waited = usec_since(report->started, now) > GONE;
	bool video = input->listed[MEDIA_VIDEO], sound = input->listed[MEDIA_AUDIO];
	usec_t picture_at = usec_max(numbers->picture_at, report->started);
	usec_t sound_at = usec_max(numbers->sound_at, report->started);

	report_alarm(report, "no-programme", waited && input->bytes && !video && !sound,
		     "the input holds no MPEG-TS programme with picture or sound; is the encoder "
		     "set to MPEG-TS?",
		     "the input holds a programme");
	report_alarm(
		report, "no-tables", waited && video && !input->programme.number,
		"the input has pictures but no tables (PAT and PMT): what it holds is guessed; "
		"set the encoder to send them several times a second",
		"the input has its tables");
	report_alarm(report, "unknown-codec", numbers->unknown_codec,
		     "the video of the input has a codec that cannot be decoded; send H.264, "
		     "H.265 or MPEG-2",
		     "the video of the input can be decoded");
	report_alarm(report, "no-picture", waited && video && usec_since(picture_at, now) > GONE,
		     "no picture comes in, although the input announces one",
		     "pictures come in again");
	report_alarm(report, "no-sound", waited && sound && usec_since(sound_at, now) > GONE,
		     "no sound comes in, although the input announces it", "sound comes in again");
}

static void report_stats(struct report *report, const struct report_numbers *numbers,
			 const struct demuxer_stats *input, double seconds)
{
	uint64_t in = input->bytes - report->input_before.bytes;
	uint64_t out = numbers->out_bytes - report->before.out_bytes;
	uint64_t pictures = numbers->pictures - report->before.pictures;
	double qp = numbers->qp - report->before.qp;

	supervisor_send(
		report->supervisor,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:s, s:s, s:i, s:i, "
			  "s:b, s:I, s:I, s:I, s:I}",
			  "event", "stats", "bytes", (json_int_t)numbers->out_bytes, "in_bps",
			  (json_int_t)((double)in * 8 / seconds), "out_bps",
			  (json_int_t)((double)out * 8 / seconds), "advice_bps",
			  (json_int_t)numbers->advice_bps, "video_bps",
			  (json_int_t)numbers->video_bps, "fps", (double)pictures / seconds,
			  "lag_ms", (json_int_t)(input->lag / USEC_PER_MS), "load_permille",
			  (json_int_t)numbers->load_permille, "qp",
			  pictures ? qp / (double)pictures : 0.0, "encoder", numbers->encoder,
			  "preset", numbers->preset, "width", numbers->width, "height",
			  numbers->height, "passing", numbers->passing, "keyframes",
			  (json_int_t)numbers->keyframes, "dropped",
			  (json_int_t)(numbers->dropped + input->dropped), "damaged",
			  (json_int_t)(input->damaged + numbers->decode_errors), "breaks",
			  (json_int_t)numbers->breaks));
}

bool report_tick(struct report *report, const struct report_numbers *numbers,
		 const struct demuxer_stats *input, usec_t now, bool last)
{
	double seconds = (double)usec_since(report->at, now) / 1e6;

	if (seconds < 1 && !last)
		return false;
	report_events(report, numbers, input, now);
	report_states(report, numbers, input, now);
	report_stats(report, numbers, input, seconds > 0.001 ? seconds : 0.001);
	report->at = now;
	report->before = *numbers;
	report->input_before = *input;
	return true;
}
