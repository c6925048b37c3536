#pragma once

/*
 * The MESSAGE_IDs of the log lines that tell a change of state, for log_write(). The journal shows
 * the text of systemd/uplinkd.catalog with them (journalctl -x); a test holds the two together.
 */
/* The configuration was read again. */
#define MESSAGE_RELOADED "1eb75ce9a9544a6686bb745bdd590a4f"
/* The configuration has errors; the old one stays. */
#define MESSAGE_RELOAD_FAILED "59a6b34a98ec4fa0ba5e02cbfbae6e42"
/* An uplink changed its state. */
#define MESSAGE_UPLINK_STATE "15aca401b8e447acb2913fcad573e64b"
/* The other end is there. */
#define MESSAGE_SESSION_UP "cbcbbe0da8834463be9545da6a305bc4"
/* The other end is gone. */
#define MESSAGE_SESSION_DOWN "27ed5e7d707a4ffea5645145f1893c61"
/* The diagnosis found something, or it is over. */
#define MESSAGE_FINDING "6903feeba0434062aa3a67c5713befb1"
/* The input changed its state. */
#define MESSAGE_INPUT "1e6ffbdbba2241cb878eea709291631b"
/* An output changed its state. */
#define MESSAGE_OUTPUT "7b8ff2000b8b4e48a4a294c20fbe0345"
/* The recording needs a person. */
#define MESSAGE_RECORDING_ALARM "16f240fbda094f99b08277adec3d8a79"
/* An uplink comes near its data cap, reaches it, or is free of it again. */
#define MESSAGE_DATA_CAP "3fe994cbc8b3062f623266f4ea01affb"
/* A peer does not know the key. */
#define MESSAGE_KEY_REFUSED "b77f0aed55a34131a95cb6296c40eb0c"
