#include "workers/av/backend.h"

#include <string.h>

/*
 * libx264 is the one that is measured here: libavcodec hands it a new rate before any picture.
 * NVENC can be reconfigured the same way. libavcodec 59 can change the rate of none of the others
 * once they are open (x265 has no such call in it, VAAPI and QSV set up rate control at the start),
 * so those are opened anew.
 *
 * zerolatency of x264 and x265: no lookahead, no B-frames, threads on slices of one picture.
 */
#define NVIDIA "an NVIDIA GPU and its driver (libnvidia-encode.so.1)"
#define INTEL  "an Intel GPU, its driver (intel-media-va-driver) and access to /dev/dri/renderD128"
#define VA     "a GPU with a VA-API driver (try vainfo) and access to /dev/dri/renderD128"

#define NVENC_OPTIONS "tune=ull:rc=cbr:zerolatency=1:delay=0:forced-idr=1:no-scenecut=1"
#define QSV_OPTIONS   "async_depth=1:forced_idr=1"
#define VAAPI_OPTIONS "rc_mode=CBR:async_depth=1"

static const struct backend backends[] = {
	{ "x264",
	  AV_CODEC_ID_H264,
	  "libx264",
	  "x264",
	  "libx264",
	  AV_PIX_FMT_YUV420P,
	  AV_HWDEVICE_TYPE_NONE,
	  true,
	  "tune=zerolatency:forced-idr=1:sc_threshold=0",
	  "preset",
	  { "veryfast", "superfast", "ultrafast" } },
	{ "x265",
	  AV_CODEC_ID_HEVC,
	  "libx265",
	  "x265",
	  "libx265",
	  AV_PIX_FMT_YUV420P,
	  AV_HWDEVICE_TYPE_NONE,
	  false,
	  "tune=zerolatency:forced-idr=1:x265-params=log-level=none\\:scenecut=0",
	  "preset",
	  { "veryfast", "superfast", "ultrafast" } },
	{ "nvenc",
	  AV_CODEC_ID_H264,
	  "h264_nvenc",
	  "NVENC",
	  NVIDIA,
	  AV_PIX_FMT_YUV420P,
	  AV_HWDEVICE_TYPE_NONE,
	  true,
	  NVENC_OPTIONS,
	  "preset",
	  { "p5", "p3", "p1" } },
	{ "nvenc",
	  AV_CODEC_ID_HEVC,
	  "hevc_nvenc",
	  "NVENC",
	  NVIDIA,
	  AV_PIX_FMT_YUV420P,
	  AV_HWDEVICE_TYPE_NONE,
	  true,
	  NVENC_OPTIONS,
	  "preset",
	  { "p5", "p3", "p1" } },
	{ "qsv",
	  AV_CODEC_ID_H264,
	  "h264_qsv",
	  "Quick Sync",
	  INTEL,
	  AV_PIX_FMT_NV12,
	  AV_HWDEVICE_TYPE_NONE,
	  false,
	  QSV_OPTIONS ":look_ahead=0",
	  "preset",
	  { "fast", "faster", "veryfast" } },
	{ "qsv",
	  AV_CODEC_ID_HEVC,
	  "hevc_qsv",
	  "Quick Sync",
	  INTEL,
	  AV_PIX_FMT_NV12,
	  AV_HWDEVICE_TYPE_NONE,
	  false,
	  QSV_OPTIONS,
	  "preset",
	  { "fast", "faster", "veryfast" } },
	{ "vaapi",
	  AV_CODEC_ID_H264,
	  "h264_vaapi",
	  "VA-API",
	  VA,
	  AV_PIX_FMT_NV12,
	  AV_HWDEVICE_TYPE_VAAPI,
	  false,
	  VAAPI_OPTIONS,
	  NULL,
	  { NULL } },
	{ "vaapi",
	  AV_CODEC_ID_HEVC,
	  "hevc_vaapi",
	  "VA-API",
	  VA,
	  AV_PIX_FMT_NV12,
	  AV_HWDEVICE_TYPE_VAAPI,
	  false,
	  VAAPI_OPTIONS,
	  NULL,
	  { NULL } },
};
#define COUNT (sizeof(backends) / sizeof(*backends))

const char *backend_preset(int index)
{
	return index >= 0 && index < 3 ? backends[0].presets[index] : NULL;
}

int backend_preset_index(const char *name)
{
	for (int i = 0; backend_preset(i); i++)
		if (!strcmp(backend_preset(i), name))
			return i;
	return -1;
}

static bool backend_is_software(const struct backend *backend)
{
	return !strncmp(backend->implementation, "lib", 3);
}

const struct backend *backend_choice(const char *name, enum AVCodecID codec, unsigned index)
{
	bool any = !strcmp(name, "auto");

	for (size_t i = 0; i < COUNT; i++) {
		const struct backend *backend = &backends[i];

		if (backend->codec == codec && !backend_is_software(backend) &&
		    (any || !strcmp(backend->name, name)) && index-- == 0)
			return backend;
	}
	for (size_t i = 0; i < COUNT; i++)
		if (backends[i].codec == codec && backend_is_software(&backends[i]) && index-- == 0)
			return &backends[i];
	return NULL;
}

bool backend_is_known(const char *name, enum AVCodecID codec)
{
	for (size_t i = 0; i < COUNT; i++)
		if (backends[i].codec == codec && !strcmp(backends[i].name, name))
			return true;
	return !strcmp(name, "auto");
}

const struct backend *backend_at(unsigned index)
{
	return index < COUNT ? &backends[index] : NULL;
}
