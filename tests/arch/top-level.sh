#!/bin/sh
# What may lie at the top of the tree; everything else has its place below.
#
# usage: tests/arch/top-level.sh [TREE]
set -eu

check() {
	for path in "$1"/*; do
		case ${path##*/} in
		README.md | LICENSE | Makefile | daemon | include | tools | systemd | tests) ;;
		build | compile_commands.json) ;; # made, and ignored by git
		*)
			echo "${path##*/}: has no place at the top"
			bad=1
			;;
		esac
	done
	for name in README.md LICENSE Makefile daemon include tests; do
		if [ ! -e "$1/$name" ]; then
			echo "$name: missing"
			bad=1
		fi
	done
	test -z "${bad:-}"
}

if [ $# -gt 0 ]; then
	check "$1"
	exit
fi

top=$(cd "$(dirname "$0")/../.." && pwd)
if (check "$top"); then
	echo "ok - the top of the tree holds what it should"
else
	echo "not ok - the top of the tree holds what it should"
	exit 1
fi

seeded=$(mktemp -d)
trap 'rm -rf "$seeded"' EXIT
mkdir "$seeded/daemon" "$seeded/include" "$seeded/tests" "$seeded/debian"
touch "$seeded/README.md" "$seeded/Makefile" "$seeded/notes.txt"
found=$(check "$seeded" | wc -l) || true
if [ "$found" -eq 3 ]; then
	echo "ok - seeded violations are found"
else
	echo "not ok - of 3 seeded violations $found are found"
	exit 1
fi
