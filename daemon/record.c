#include "record.h"

#include <inttypes.h>
#include <stddef.h>

#include "sys/log.h"

struct job *record_new(struct loop *loop, const struct config_record *config, struct feeds *stream,
		       struct journal *journal)
{
	struct job_config job_config = {
		.kind = STATS_JOB_RECORD,
		.where = config->directory,
		.journal = journal,
		.input = stream,
		.rule = FANOUT_RULE_OLDEST,
		.bound_bytes = SIZE_MAX, /* all that the ring holds */
		.bound_age = USEC_NEVER,
	};
	struct job_args args;
	struct job *job;

	if (!config->directory[0])
		return NULL;
	job_args_init(&args, "record", "uplinkd-record");
	job_args_add(&args, "--directory");
	job_args_add(&args, "%s", config->directory);
	job_args_add(&args, "--segment-seconds");
	job_args_add(&args, "%u", config->segment_seconds);
	job_args_add(&args, "--free-min");
	job_args_add(&args, "%" PRIu64, config->free_min_bytes);
	job = job_new(loop, &job_config, &args);
	if (!job)
		log_err("record: out of memory; the stream is not recorded");
	return job;
}
