# shellcheck shell=sh
# unite.sh: what it takes to count the different members of twelve months.
#
#     sh test/bench/run.sh unite
#
# Prints the table of doc/performance.md.  The server is not asked.

(cd "$place/tree" && cc -O2 -DKS_STANDALONE -Isrc -o "$results/unite" test/bench/unite.c src/tally/seed.c src/tally/unite.c) ||
	die "test/bench/unite.c does not build"
"$results/unite"
