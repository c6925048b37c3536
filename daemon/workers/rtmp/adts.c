#include "workers/rtmp/adts.h"

#define OBJECT_TYPE_LC	2
#define OBJECT_TYPE_SBR 5
#define OBJECT_TYPE_PS	29

static const uint32_t rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000,
				  22050, 16000, 12000, 11025, 8000,  7350 };

uint32_t adts_rate(unsigned rate_index)
{
	return rate_index < sizeof(rates) / sizeof(rates[0]) ? rates[rate_index] : 0;
}

size_t adts_parse(const uint8_t *data, size_t len, struct adts_config *ret_config,
		  size_t *ret_header)
{
	struct adts_config config;
	size_t frame, header;

	/* 12 sync bits; layer is always 0. */
	if (len < ADTS_HEADER_SIZE || data[0] != 0xff || (data[1] & 0xf6) != 0xf0)
		return 0;
	header = data[1] & 1 ? ADTS_HEADER_SIZE : ADTS_HEADER_SIZE + 2;
	config.object_type = (uint8_t)((data[2] >> 6) + 1);
	config.rate_index = data[2] >> 2 & 0xf;
	config.channels = (uint8_t)((data[2] & 1) << 2 | data[3] >> 6);
	frame = (size_t)(data[3] & 3) << 11 | (size_t)data[4] << 3 | data[5] >> 5;
	if (!adts_rate(config.rate_index) || frame < header)
		return 0;
	*ret_config = config;
	*ret_header = header;
	return frame;
}

void adts_write_header(const struct adts_config *config, size_t payload, struct writer *w)
{
	size_t frame = payload + ADTS_HEADER_SIZE;

	writer_u8(w, 0xff);
	writer_u8(w, 0xf1); /* MPEG-4, no checksum */
	writer_u8(w, (uint8_t)((config->object_type - 1) << 6 | config->rate_index << 2 |
			       config->channels >> 2));
	writer_u8(w, (uint8_t)(config->channels << 6 | (frame >> 11 & 3)));
	writer_u8(w, (uint8_t)(frame >> 3));
	writer_u8(w, (uint8_t)(frame << 5 | 0x1f)); /* buffer fullness: variable rate */
	writer_u8(w, 0xfc);
}

bool adts_read_asc(const uint8_t *data, size_t len, struct adts_config *ret_config)
{
	struct adts_config config;

	if (len < ADTS_CONFIG_SIZE)
		return false;
	config.object_type = data[0] >> 3;
	config.rate_index = (uint8_t)((data[0] & 7) << 1 | data[1] >> 7);
	config.channels = data[1] >> 3 & 0xf;
	/* Explicit SBR or PS: the core below is LC at the stated rate. */
	if (config.object_type == OBJECT_TYPE_SBR || config.object_type == OBJECT_TYPE_PS)
		config.object_type = OBJECT_TYPE_LC;
	if (config.object_type < 1 || config.object_type > 4 || !adts_rate(config.rate_index) ||
	    config.channels > 7)
		return false;
	*ret_config = config;
	return true;
}

void adts_write_asc(const struct adts_config *config, struct writer *w)
{
	writer_u16(w, (uint16_t)(config->object_type << 11 | config->rate_index << 7 |
				 config->channels << 3));
}
