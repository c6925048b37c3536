#!/bin/sh
# Who may include whom: every #include of the tree is held against the table below.
#
# usage: tests/arch/layers.sh [TREE]
#
# Without TREE it checks the tree it lies in, and itself: a copy with seeded violations must be
# reported, each of them.
set -eu

# folder | headers of ours: a prefix (ends in /) or one header | system headers: * or a list;
# "own" stands for the folder itself. Most specific folder first.
table() {
	cat <<'TABLE'
daemon/base     | own | pure
daemon/wire     | own base/ uplinkd/wire.h | pure openssl/
daemon/bond     | own base/ wire/ uplinkd/wire.h | pure
daemon/stream   | own base/ uplinkd/wire.h | pure
daemon/sys      | own base/ uplinkd/worker.h | *
daemon/net      | own base/ sys/ bond/bond.h wire/srtclock.h wire/srthdr.h wire/srtmedia.h wire/srtnak.h wire/nullts.h stream/fanout.h stream/ts.h stream/chunk.h stream/importance.h uplinkd/ | *
daemon/ctl      | own base/ sys/ bond/bond.h uplinkd/ | *
daemon/workers/ | own base/ sys/log.h sys/supervisor.h stream/ts.h uplinkd/ | *
daemon          | own base/ sys/ net/ ctl/ stream/ bond/bond.h wire/srthdr.h wire/rehearse.h wire/note.h uplinkd/ | *
tools/          | own base/ uplinkd/ | *
include/uplinkd | own uplinkd/ | pure
TABLE
}

# Headers without a clock, socket, thread, file or randomness behind them.
pure='assert.h errno.h inttypes.h limits.h stdalign.h stdbool.h stddef.h stdint.h stdlib.h string.h'

check() {
	tree=$1
	# A folder that ends in / in the table stands for each folder below it.
	(cd "$tree" && find daemon tools include -name '*.[ch]' 2>/dev/null | sort |
		xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null) |
		awk -v pure="$pure" -v table="$(table)" '
		BEGIN {
			rows = split(table, line, "\n")
			for (i = 1; i <= rows; i++) {
				split(line[i], column, /[ \t]*\|[ \t]*/)
				folder[i] = column[1]; ours[i] = column[2]; system_[i] = column[3]
			}
		}
		function fits(header, list, own,    n, word, i) {
			n = split(list, word, " ")
			for (i = 1; i <= n; i++) {
				if (word[i] == "*" || word[i] == header)
					return 1
				if (word[i] == "pure" && index(" " pure " ", " " header " "))
					return 1
				if (word[i] == "own" && (index(header, "/") == 0 ||
							 (own != "" && index(header, own) == 1)))
					return 1
				if (word[i] ~ /\/$/ && index(header, word[i]) == 1)
					return 1
			}
			return 0
		}
		{
			split($0, part, ":")
			file = part[1]
			dir = file
			sub(/\/[^\/]*$/, "", dir)
			for (row = 1; row <= rows; row++)
				if (folder[row] ~ /\/$/ ? index(dir "/", folder[row]) == 1 : dir == folder[row])
					break
			if (row > rows) {
				print file ": in a folder that the table does not know"
				bad = 1
				next
			}
			header = $0
			own = dir "/"
			sub(/^daemon\//, "", own)
			sub(/^include\//, "", own)
			if (header ~ /#[ \t]*include[ \t]*</) {
				sub(/^[^<]*</, "", header); sub(/>.*/, "", header)
				allowed = fits(header, system_[row], "")
			} else {
				sub(/^[^"]*"/, "", header); sub(/".*/, "", header)
				allowed = header !~ /\.\./ && fits(header, ours[row], own)
			}
			if (!allowed) {
				print file ":" part[2] ": may not include " header
				bad = 1
			}
		}
		END { exit bad }'
}

if [ $# -gt 0 ]; then
	check "$1"
	exit
fi

top=$(cd "$(dirname "$0")/../.." && pwd)
if check "$top"; then
	echo "ok - every include is allowed by the layers"
else
	echo "not ok - every include is allowed by the layers"
	exit 1
fi

seeded=$(mktemp -d)
trap 'rm -rf "$seeded"' EXIT
seed() {
	mkdir -p "$seeded/$(dirname "$1")"
	printf '#include %s\n' "$2" >"$seeded/$1"
}
seed daemon/bond/a.c '"sys/loop.h"'
seed daemon/bond/b.c '<time.h>'
seed daemon/wire/c.c '"bond/bond.h"'
seed daemon/base/d.h '<stdio.h>'
seed daemon/net/e.c '"ctl/stats.h"'
seed daemon/ctl/f.c '"bond/path.h"'
seed daemon/main.c '"bond/path.h"'
seed daemon/workers/srt/g.c '"wire/frame.h"'
seed daemon/workers/srt/h.c '"workers/rtmp/amf0.h"'
seed daemon/sys/i.c '"unit/test.h"'
seed tools/x/j.c '"sys/loop.h"'
seed include/uplinkd/k.h '"base/clock.h"'
seed daemon/stream/l.c '"../sys/loop.h"'
seed daemon/elsewhere/m.c '<string.h>'
count=$(find "$seeded" -type f | wc -l)
found=$(check "$seeded" | wc -l) || true
if [ "$found" -eq "$count" ]; then
	echo "ok - $count seeded violations are found"
else
	echo "not ok - of $count seeded violations $found are found"
	check "$seeded" || true
	exit 1
fi
