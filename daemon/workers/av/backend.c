#include "workers/av/backend.h"

#include <string.h>

/*
 * libx264 is the one that is measured here: libavcodec hands it a new rate before any picture.
 * NVENC takes one too, but libavcodec makes it begin with a keyframe each time. libavcodec 59 can
 * change the rate of none of the others once they are open (x265 has no such call in it, VAAPI and
 * QSV set up rate control at the start), so those are opened anew.
 *
 * zerolatency of x264 and x265: no lookahead, no B-frames, threads on slices of one picture.
 */
#define SOFTWARE(name_, codec_, steering_, options_)                                               \
	{                                                                                          \
		.name = (name_), .codec = (codec_), .implementation = "lib" name_,                 \
		.title = (name_), .needs = "lib" name_, .format = AV_PIX_FMT_YUV420P,              \
		.steering = (steering_), .options = (options_), .preset_option = "preset",         \
		.presets = { "veryfast", "superfast", "ultrafast" },                               \
	}
#define NVENC(codec_, implementation_)                                                             \
	{                                                                                          \
		.name = "nvenc", .codec = (codec_), .implementation = (implementation_),           \
		.title = "NVENC", .needs = "an NVIDIA GPU and its driver (libnvidia-encode.so.1)", \
		.format = AV_PIX_FMT_YUV420P, .steering = BACKEND_STEERED_AT_A_KEYFRAME,           \
		.options = "tune=ull:rc=cbr:zerolatency=1:delay=0:forced-idr=1:no-scenecut=1",     \
		.preset_option = "preset", .presets = { "p5", "p3", "p1" },                        \
	}
#define QSV(codec_, implementation_, options_)                                                     \
	{                                                                                          \
		.name = "qsv", .codec = (codec_), .implementation = (implementation_),             \
		.title = "Quick Sync",                                                             \
		.needs = "an Intel GPU, its driver (intel-media-va-driver) and access to "         \
			 "/dev/dri/renderD128",                                                    \
		.format = AV_PIX_FMT_NV12, .steering = BACKEND_OPENED_ANEW,                        \
		.options = "async_depth=1:forced_idr=1" options_, .preset_option = "preset",       \
		.presets = { "fast", "faster", "veryfast" },                                       \
	}
#define VAAPI(codec_, implementation_)                                                             \
	{                                                                                          \
		.name = "vaapi", .codec = (codec_), .implementation = (implementation_),           \
		.title = "VA-API",                                                                 \
		.needs = "a GPU with a VA-API driver (try vainfo) and access to "                  \
			 "/dev/dri/renderD128",                                                    \
		.format = AV_PIX_FMT_NV12, .device = AV_HWDEVICE_TYPE_VAAPI,                       \
		.steering = BACKEND_OPENED_ANEW, .options = "rc_mode=CBR:async_depth=1",           \
	}

static const struct backend backends[] = {
	SOFTWARE("x264", AV_CODEC_ID_H264, BACKEND_STEERED_AT_ONCE,
		 "tune=zerolatency:forced-idr=1:sc_threshold=0"),
	SOFTWARE("x265", AV_CODEC_ID_HEVC, BACKEND_OPENED_ANEW,
		 "tune=zerolatency:forced-idr=1:x265-params=log-level=none\\:scenecut=0"),
	NVENC(AV_CODEC_ID_H264, "h264_nvenc"),
	NVENC(AV_CODEC_ID_HEVC, "hevc_nvenc"),
	QSV(AV_CODEC_ID_H264, "h264_qsv", ":look_ahead=0"),
	QSV(AV_CODEC_ID_HEVC, "hevc_qsv", ""),
	VAAPI(AV_CODEC_ID_H264, "h264_vaapi"),
	VAAPI(AV_CODEC_ID_HEVC, "hevc_vaapi"),
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
