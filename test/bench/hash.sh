# shellcheck shell=sh
# hash.sh: what it takes to hash an id.
#
#     sh test/bench/run.sh hash
#
# Prints the table of doc/performance.md.  The server is not asked.

(cd "$place/tree" && cc -O2 -DKS_STANDALONE -Isrc -Itest/unit -o "$results/hash" test/bench/hash.c src/base/hash.c src/base/seed.c) ||
	die "test/bench/hash.c does not build"
"$results/hash"
