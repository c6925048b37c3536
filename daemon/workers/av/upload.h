#pragma once

#include <libavcodec/avcodec.h>

#include "workers/av/backend.h"

/*
 * Pictures in memory to pictures on a device, for encoders that take only those.
 */
struct upload;

/* Opens the device of @backend and makes @context (size set, not open) take pictures on it. NULL:
 * there is none, or it refuses such pictures. */
struct upload *upload_new(const struct backend *backend, AVCodecContext *context);
struct upload *upload_free(struct upload *upload);
/* @frame on the device, valid until the next call; NULL: it failed. */
AVFrame *upload_frame(struct upload *upload, const AVFrame *frame);
