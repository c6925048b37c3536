#pragma once

#include <stdint.h>

/*
 * The native dialect: what goes over an uplink between two uplinkd. This file is the
 * specification; version WIRE_VERSION. All integers are big-endian. "varint": 7 bits a byte, most
 * significant group first, the high bit set on all but the last, at most 9 bytes.
 *
 * 1. Datagrams, told apart by the first byte
 *
 *    0x00-0x7f            SRT data      (not ours)
 *    0x80, 0xff           SRT control   (not ours)
 *    0x90-0x92            SRTLA         (not ours)
 *    0xa1                 hello, asking
 *    0xa2                 hello, answering
 *    0xc0-0xfe            sealed datagram
 *
 * 2. Hello (Noise_NNpsk0_25519_AESGCM_SHA256, see daemon/wire/hello.h)
 *
 *    asking      u8 0xa1 | u8 version | u8[2] zero | Noise message 1 | (the first 4 bytes are the
 *                prologue)
 *      payload   u64 unix time, us | u32 asker's bond id | u32 latency, ms | u16 features |
 *                u8 path id | u8 zero | u64 instance | zero padding so that the whole datagram has
 *                WIRE_HELLO_BYTES: the answer is never larger than the question.
 *    answering   u8 0xa2 | u8 version | u8[2] zero | u32 asker's bond id | Noise message 2
 *      payload   u32 answerer's bond id | u32 latency, ms (the greater of both: what holds) |
 *                u16 features (both have) | u16 zero | u64 instance
 *
 *    features: bit 0 = WIRE_FEATURE_TS: the asker wants the session's media packets to be one to
 *    seven whole packets of MPEG-TS, null packets left out as section 5 says, instead of datagrams
 *    of SRT (feed `ts`), and the answerer hands each on at its capture time + latency. Without the
 *    bit in the answer they are datagrams of SRT. Bit 2 = WIRE_FEATURE_PARITY: PARITY frames may be
 *    sent; bit 1 is reserved. All other bits are zero when sent and ignored when received.
 *
 *    The pre-shared key is 32 bytes, one per sender. An asking hello that does not open under a
 *    known key, has another version or is shorter than WIRE_HELLO_BYTES is counted and not
 *    answered. Its unix time must be greater than that of every hello accepted before under that
 *    key, or it is a replay: counted, not answered; the asker therefore uses a fresh time (and a
 *    fresh ephemeral key) for each attempt. A session becomes the current one of its key when the
 *    first sealed datagram of the asker opens; until then an existing session goes on untouched.
 *    `instance` is drawn at each start of a program: a changed one tells the peer that the other
 *    side was restarted.
 *
 * 3. Sealed datagrams
 *
 *    short   u8 flags | u16 packet number, low bits | sealed frames
 *    long    u8 flags | u32 bond id of the receiving side | u32 packet number, low bits | sealed
 *
 *    flags   bits 7-6: 11 · bit 5: 1 = long · bit 4: key phase · bits 3-0: path id, 0 to 14
 *
 *    AES-256-GCM; associated data = the header as sent; nonce = IV of the direction XOR
 *    (u32 path id | u64 packet number). Packet numbers count per path and direction from 0 and
 *    never repeat under one key; the receiver expands them against the highest one seen. Long form
 *    while an address is not confirmed, on every path at least once a second, and whenever nothing
 *    was heard on a path for a second; an authentic long datagram from a new address moves the path
 *    there (network address translation rebinding) once its packet number is the highest of the
 *    path. A path begins with the first authentic datagram that names it.
 *
 *    Per direction, key and IV of step n: HKDF-SHA256 expand of secret n with the labels "key" and
 *    "iv"; secret n+1 with the label "next". Secret 0 is that direction's transport key of the
 *    Noise handshake. The key phase bit is n modulo 2.
 *
 * 4. Frames: u8 type, then
 *
 *    0x00 PADDING       the rest of the datagram, all zero
 *    0x01 PING          nothing
 *    0x02 ACK           u8 path id | u32 largest packet number, low bits | u32 arrival of the
 *                       largest, us, receiver's clock, low bits | varint delay since, in units of
 *                       8 us | u8 number of further ranges (0 to WIRE_ACK_RANGES_MAX - 1) | u8
 *                       number of times (0 to WIRE_ACK_TIMES_MAX) | varint length of the first
 *                       range less 1 | per further range: varint gap (packets missing, less 1),
 *                       varint length less 1 | per time, by descending packet number: varint how
 *                       far its number is below the one before (the first: below the largest),
 *                       less 1; zigzag varint (0, -1, 1, -2, ... as 0, 1, 2, 3) how much earlier
 *                       it came than the one before, in WIRE_ACK_TIME_UNIT_USEC. A packet that
 *                       arrived is told more than once, but not for ever
 *    0x03 ACK_ECN       like ACK, then varint ECT, varint CE (cumulative counts of the path)
 *    0x04 PATH_STATUS   u8 path id | u8 status | varint generation
 *    0x05 REPORT        u40 next seq | varint delivered | varint lost | varint late |
 *                       varint duplicate | varint slack in WIRE_SLACK_UNIT_USEC
 *    0x06 CLOSE         u8 reason
 *    0x07 CONTROL       varint id | u16 length | bytes
 *    0x10 DATA          u32 media seq, low bits | u32 capture time by the sender's clock, us,
 *                       low bits | u8 length of the prefix (0 to WIRE_PREFIX_MAX) | the media
 *                       packet, to the end of the datagram; its first bytes are the prefix
 *    0x12-0x13 ANCHOR   like DATA; bit 0: phase. Sets the anchor of this path and phase
 *    0x14 PARITY        u32 media seq of the first packet of its window, low bits | u8 packets of
 *                       the window less 1 (0 to WIRE_PARITY_PACKETS - 1) | u8 row (0 to
 *                       WIRE_PARITY_ROWS - 1) | the sum, to the end of the datagram, section 8
 *    0x80-0xff COMPACT  bit 6: phase · bits 5-0 | u16: capture time beyond that of the anchor,
 *                       us, plus WIRE_COMPACT_TIME_BACK | u16 media seq beyond that of the anchor
 *                       plus WIRE_COMPACT_SEQ_BACK | the media packet without its prefix, to the
 *                       end of the datagram
 *
 *    A media packet is opaque bytes. What is mostly the same in one packet after the other stands
 *    at its beginning, the prefix, and crosses an uplink only with an anchor. A compact frame is
 *    read by itself: its anchor is the one of its phase with the highest packet number below its
 *    own, of the same path. Who sends may refer to an anchor once its datagram was acknowledged,
 *    and sends the next anchor with the other phase; when that is lost, again with the other
 *    phase; once it is acknowledged the one before is never referred to again. So packet numbers,
 *    which the seal vouches for, say which anchor was meant, however late or disordered datagrams
 *    arrive. Who receives keeps the WIRE_ANCHORS highest of each path. A datagram whose
 *    anchor is not among them is dropped, counted and not acknowledged: it counts as lost.
 *
 *    An unknown type, a frame that ends early or a value out of its range makes the rest of the
 *    datagram void: it is dropped and counted.
 *
 * 5. Media packets of an SRT connection
 *
 *    A control packet of SRT (first bit 1) is carried as it is. A data packet is carried so that
 *    its header is the same in one packet after the other: SRT's sequence number, message number
 *    and time stamp are carried less the media seq, the media seq and the capture time, modulo
 *    2^31, 2^26 and 2^32. The 16 bytes of the header are the prefix.
 *
 *    Behind a header that says "not encrypted" (KK 00), null packets of MPEG-TS are left out: a
 *    payload of 1 to 8 TS packets (188 bytes each) some of which are the null packet
 *    0x47 0x1f 0xff 0x10, 184 times 0xff, becomes u8 which | the other packets. "which" has the
 *    bit 7-i set where packet i was a null packet. So a payload whose length is 1 modulo 188 has
 *    this form. One that has that length by itself is carried as it is, under a header with KK 11,
 *    which no data packet has and which stands for KK 00.
 *
 * 6. Rehearsal
 *
 *    A media packet (DATA) or a CONTROL message whose first byte is WIRE_REHEARSAL is none of the
 *    stream: neither SRT nor MPEG-TS begins so. A receiver hands it to nobody.
 *
 *    media    u8 0xe5 | u8 0 | u32 rehearsal's id | anything                    DATA
 *    ask      u8 0xe5 | u8 1 | u32 rehearsal's id                               CONTROL, sender's
 *    report   u8 0xe5 | u8 2 | u32 rehearsal's id | varint packets that came | varint lost before
 *             them | u8 number of buckets | per bucket: varint packets whose delay from capture to
 *             arrival fell into it (the buckets of daemon/base/histogram.h)     CONTROL, answer
 *
 *    An id other than the one before begins a new count. Each ask is answered by one report.
 *
 * 7. Notes: the bytes of a CONTROL frame whose first byte is below 0x80 (the control packets of
 *    feed srt begin with 0x80 or above). u8 type, then
 *
 *    0x01 LIMIT         u32 kb/s: the highest bitrate of the picture that the receiver's outputs
 *                       take; 0: no limit. Told when a session comes up, when it changes, and again
 *                       every few seconds, since a note may be lost.
 *
 *    Bytes behind the fields are ignored, and so is an unknown type.
 *
 * 8. Parity
 *
 *    A parity packet is a sum over a window: 1 to WIRE_PARITY_PACKETS media packets (DATA, feed
 *    and rehearsal alike) with consecutive numbers, none longer than WIRE_PARITY_MEDIA_MAX. The
 *    symbol of a media packet is u32 capture time, low bits | u16 length | the media packet with
 *    its prefix | zeros up to the longest symbol of the window, which is the length of the sum:
 *    WIRE_PARITY_HEADER_BYTES and up to WIRE_PARITY_MEDIA_MAX more. The sum is that of symbol times
 *    the inverse of ((media seq modulo WIRE_PARITY_PACKETS) XOR (WIRE_PARITY_PACKETS + row)) over
 *    the window, byte by byte in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1.
 *
 *    `row` counts the parity packets, modulo WIRE_PARITY_ROWS. The windows move on with the stream
 *    and overlap. So each parity packet is an equation in the packets of its window that did not
 *    arrive, and as many equations as unknowns give these back. How many are sent, and how long the
 *    windows are, is for the sender to choose. A receiver keeps what it has handed on until
 *    WIRE_PARITY_PACKETS further packets are, unknowns until a window ends 2 * WIRE_PARITY_PACKETS
 *    behind them, and 64 equations; what needs more is of no use.
 *
 *    PARITY frames go from the sender of the stream to its receiver, in sessions whose hellos both
 *    have WIRE_FEATURE_PARITY; elsewhere the frame is void. Their datagrams are acknowledged like
 *    those of media, and nothing of them is sent again.
 */
#define WIRE_VERSION 2

#define WIRE_HELLO_ASK	  0xa1
#define WIRE_HELLO_ANSWER 0xa2
#define WIRE_HELLO_BYTES  200 /* of an asking hello, exactly */

#define WIRE_REHEARSAL 0xe5 /* first byte of media that is not of the stream */

enum wire_feature {
	WIRE_FEATURE_TS = 1 << 0,
	WIRE_FEATURE_PARITY = 1 << 2,
};

#define WIRE_SHORT_BYTES 3
#define WIRE_LONG_BYTES	 9
#define WIRE_TAG_BYTES	 16
#define WIRE_PATHS_MAX	 15

/* Bytes of an uplink's datagram above IP and UDP: safe on every cellular network seen, and a data
 * frame of a full SRT packet (1332) fits in its long form. */
#define WIRE_DATAGRAM_MAX  1400
#define WIRE_DATA_BYTES	   10 /* type, seq, time, length of the prefix */
#define WIRE_COMPACT_BYTES 5
#define WIRE_PREFIX_MAX	   32
#define WIRE_MEDIA_MAX	   (WIRE_DATAGRAM_MAX - WIRE_LONG_BYTES - WIRE_TAG_BYTES - WIRE_DATA_BYTES)

/* The numbers of packets and of rows are two halves of the field: their XOR is never zero. */
#define WIRE_PARITY_PACKETS	 128 /* of a window, at most */
#define WIRE_PARITY_ROWS	 128
#define WIRE_PARITY_BYTES	 7 /* type, seq, packets, row */
#define WIRE_PARITY_HEADER_BYTES 6 /* of a symbol: time, length */
/* Longer media packets are in no window. */
#define WIRE_PARITY_MEDIA_MAX                                                                      \
	(WIRE_DATAGRAM_MAX - WIRE_LONG_BYTES - WIRE_TAG_BYTES - WIRE_PARITY_BYTES -                \
	 WIRE_PARITY_HEADER_BYTES)

/* The capture time has a window of 71 minutes, that is 71 times the longest latency. */
#define WIRE_SEQ_BITS  32
#define WIRE_TIME_BITS 32

#define WIRE_ANCHORS	       8
#define WIRE_COMPACT_SEQ_BITS  16
#define WIRE_COMPACT_SEQ_BACK  (1u << 14)
#define WIRE_COMPACT_TIME_BITS 22
#define WIRE_COMPACT_TIME_BACK (1u << 20) /* us; and 3.1 s forward */

#define WIRE_ACK_RANGES_MAX	 32
#define WIRE_ACK_TIMES_MAX	 16
#define WIRE_ACK_TIME_UNIT_USEC	 64
#define WIRE_ACK_DELAY_UNIT_USEC 8
#define WIRE_SLACK_UNIT_USEC	 64

enum wire_frame {
	WIRE_FRAME_PADDING = 0x00,
	WIRE_FRAME_PING = 0x01,
	WIRE_FRAME_ACK = 0x02,
	WIRE_FRAME_ACK_ECN = 0x03,
	WIRE_FRAME_PATH_STATUS = 0x04,
	WIRE_FRAME_REPORT = 0x05,
	WIRE_FRAME_CLOSE = 0x06,
	WIRE_FRAME_CONTROL = 0x07,
	WIRE_FRAME_DATA = 0x10,
	WIRE_FRAME_ANCHOR = 0x12, /* and 0x13 */
	WIRE_FRAME_PARITY = 0x14,
	WIRE_FRAME_COMPACT = 0x80, /* to 0xff */
};

/* Importance of a media packet; lower is more important. */
enum wire_class {
	WIRE_CLASS_TABLES = 0,	   /* tables, parameter sets, keyframes, audio */
	WIRE_CLASS_REFERENCE = 1,  /* what other pictures need; also: not known */
	WIRE_CLASS_DISPOSABLE = 2, /* nothing depends on it */
};

#define WIRE_NOTES 0x80 /* the first byte of a note is below it */

enum wire_note {
	WIRE_NOTE_LIMIT = 0x01,
};

enum wire_path_status {
	WIRE_PATH_AVAILABLE = 0,
	WIRE_PATH_BACKUP = 1,  /* use it only when the available ones do not suffice */
	WIRE_PATH_LEAVING = 2, /* about to go: send nothing new on it */
};

enum wire_close {
	WIRE_CLOSE_DONE = 0,	 /* the operator stopped it */
	WIRE_CLOSE_RESTART = 1,	 /* comes back at once */
	WIRE_CLOSE_REPLACED = 2, /* another session took over */
};
