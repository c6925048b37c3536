#include "workers/srt/refusal.h"

#include <srt/srt.h>
#include <srt/access_control.h>

const char *refusal_text(int reason)
{
	switch (reason) {
	case SRT_REJ_BADSECRET:
		return "the passphrases differ";
	case SRT_REJ_UNSECURE:
		return "one side has a passphrase, the other has none";
	case SRT_REJ_TIMEOUT:
		return "no answer";
	case SRT_REJ_VERSION:
		return "its SRT version is too old";
	case SRT_REJ_BACKLOG:
	case SRT_REJ_RESOURCE:
	case SRT_REJX_OVERLOAD:
		return "it has too many connections";
	case SRT_REJX_BAD_REQUEST:
		return "it does not understand the stream id";
	case SRT_REJX_UNAUTHORIZED:
		return "not authorised with this stream id";
	case SRT_REJX_FORBIDDEN:
		return "it forbids this stream id";
	case SRT_REJX_NOTFOUND:
		return "it does not know this stream id";
	case SRT_REJX_BAD_MODE:
		return "the stream id asks for the wrong direction";
	case SRT_REJX_CONFLICT:
	case SRT_REJX_LOCKED:
		return "somebody else is publishing there";
	case SRT_REJ_PEER:
	case SRT_REJ_UNKNOWN:
		return "no reason given";
	}
	return reason < SRT_REJC_PREDEFINED ? srt_rejectreason_str(reason)
					    : "for a reason of its own";
}

bool refusal_is_lasting(int reason)
{
	return reason == SRT_REJ_BADSECRET || reason == SRT_REJ_UNSECURE ||
	       reason == SRT_REJ_VERSION || reason == SRT_REJX_BAD_REQUEST ||
	       reason == SRT_REJX_UNAUTHORIZED || reason == SRT_REJX_FORBIDDEN ||
	       reason == SRT_REJX_NOTFOUND || reason == SRT_REJX_BAD_MODE;
}
