#pragma once

#include "sim/field.h"

/* Link sets: the text of the links, and the capacities that no text can hold. */

/* 15 Mb/s in all, which do not change. */
#define LINKSET_THREE                                                                              \
	"link lan rate=6M delay=10ms queue=300ms; link cell rate=4M delay=40ms queue=500ms;"       \
	"link wifi rate=5M delay=8ms queue=300ms;"
/* The same without the cell. */
#define LINKSET_TWO                                                                                \
	"link lan rate=6M delay=10ms queue=300ms; link wifi rate=5M delay=8ms queue=300ms;"
#define LINKSET_LTE                                                                                \
	"link att delay=45ms queue=2s; link vzw delay=35ms queue=2s; link tmo delay=25ms "         \
	"queue=2s;"
#define LINKSET_DRIVE                                                                              \
	"link mm delay=20ms queue=1s; link lte1 delay=30ms queue=1s; link lte2 delay=35ms "        \
	"queue=1s;"
#define LINKSET_STATIC                                                                             \
	"link tmo delay=25ms queue=1s; link att delay=30ms queue=1s; link vzw delay=35ms "         \
	"queue=1s;"
#define LINKSET_VENUE                                                                              \
	"link lan rate=5M delay=5ms queue=100ms; link wifi delay=6ms jitter=3ms loss=0.1% "        \
	"queue=300ms; link lte delay=35ms queue=2s;"
#define LINKSET_WEAK                                                                               \
	"link umts delay=80ms queue=3s; link evdo delay=90ms queue=3s; link umts2 delay=80ms "     \
	"queue=3s;"

field_capacity_fn linkset_lte, linkset_drive, linkset_static, linkset_venue, linkset_weak;
