#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rehearse.h"

/* What decodes is encoded again and must decode to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rehearse_report report, again;
	uint8_t buffer[REHEARSE_REPORT_MAX];
	enum rehearse_kind kind;
	uint32_t id = 0;
	size_t len;

	if (rehearse_decode(data, size, &kind, &id) !=
	    (size >= REHEARSE_HEADER_BYTES && rehearse_is(data, size) && data[1] <= 2))
		abort();
	if (!rehearse_report_decode(data, size, &report))
		return 0;
	len = rehearse_report_encode(buffer, id, &report);
	if (len > sizeof(buffer) || !rehearse_report_decode(buffer, len, &again) ||
	    memcmp(&report, &again, sizeof(report)))
		abort();
	return 0;
}
