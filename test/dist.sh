#!/bin/sh
# dist.sh: the sources as one file, NAME.tar.gz, in the current folder.
#
#     sh test/dist.sh NAME
#
# The same sources give the same bytes: names are sorted, owners and the umask are
# left out, and all files have one time, SOURCE_DATE_EPOCH or that of the last
# commit.  Without git, as in a tree unpacked from such a file, it takes the files that
# were not made here, and the time of META.json.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"

name=${1:?usage: sh test/dist.sh NAME}
file=$PWD/$name.tar.gz
list=$(mktemp) && work=$(mktemp -d) || exit 1
trap 'rm -rf "$list" "$work"' EXIT

cd "$top" || exit 1
if [ -e .git ] && git ls-files -z >"$list" 2>/dev/null; then
	time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} || exit 1
else
	copy_sources "$work/tree" &&
		find "$work/tree" -name node_modules -prune -o -path '*/test/http/generated' -prune \
			-o -path '*/unit/unit_*' ! -name '*.c' -o -path '*/fuzz/fuzz_*' ! -name '*.c' ! -name '*.sql' \
			-o -type f -printf '%P\0' >"$list" || exit 1
	time=${SOURCE_DATE_EPOCH:-$(stat -c %Y META.json)} || exit 1
fi
LC_ALL=C sort -z -o "$list" "$list"
tar --null --no-recursion --files-from="$list" --format=ustar --mtime="@$time" --owner=0 --group=0 --numeric-owner \
	--mode=go=u,go-w --transform="s|^|$name/|" -cf "$work/tar" && gzip -9 -n <"$work/tar" >"$file" || exit 1
say "$(wc -c <"$file") bytes: $file"
