# shellcheck shell=sh
# union.sh: what it takes to count the different members of twelve months.
#
#     sh test/bench/run.sh union
#
# Prints the table of doc/performance.md.  The server is not asked.

(cd "$place/tree" && cc -O2 -DKS_STANDALONE -Isrc -o "$results/union" test/bench/union.c src/base/seed.c src/query/union.c) ||
	die "test/bench/union.c does not build"
"$results/union"
