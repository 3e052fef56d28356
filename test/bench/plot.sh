#!/bin/sh
# plot.sh: the main figures of doc/performance.md as a picture, once for light and once for dark pages.
#
#     sh test/bench/plot.sh
#
# Needs gnuplot, which it installs from Debian's packages where it is missing. Writes doc/performance-light.svg and
# doc/performance-dark.svg from the tables as they are in the document.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
document=$top/doc/performance.md

# figures_of PART HEADING COLUMN: question and milliseconds of the table that begins with these words, one a line.
figures_of()
{
	awk -F ' *[|] *' -v part="$1" -v heading="$2" -v column="$3" '
		/^<!-- bench: / { inside = $0 == "<!-- bench: " part " -->" }
		!inside || !/^[|]/ { on = 0; next }
		index($0, heading) == 1 { on = 1; next }
		on && !/^[|] ---/ { gsub(/[*,]/, "", $column); if ($column ~ /^[0-9.]+$/) print $2 "\t" $column }
	' "$document"
}

# series NUMBER PART HEADING COLUMN: the figures with the number of the question's line, as the first table has the questions.
series()
{
	figures_of "$2" "$3" "$4" | awk -F '\t' -v OFS='\t' 'NR == FNR { line[$1] = FNR; next } $1 in line { print $2, -line[$1] }' "$data/questions" - >"$data/$1"
}

# draw NAME INK FAINT COLOURS...
draw()
{
	gnuplot <<-PLOT
		set terminal svg size 880,420 dynamic noenhanced font 'sans-serif,13'
		set output '$top/doc/performance-$1.svg'
		set border 0
		set tics scale 0 textcolor rgb '$2'
		set logscale x
		set xrange [0.02:5000]
		set xtics ('0.1 ms' 0.1, '1 ms' 1, '10 ms' 10, '100 ms' 100, '1 s' 1000)
		set yrange [-$((questions + 1)):0]
		set ytics ($tics)
		set grid x y linetype 1 linewidth 1 linecolor rgb '$3'
		set key outside top center horizontal maxrows 2 reverse Left textcolor rgb '$2'
		set lmargin 36
		plot $(plots "$4" "$5" "$6" "$7" "$8")
	PLOT
	# no date, so that the same figures are the same picture; and a name for who does not see it
	sed -i -e 's/<desc>.*<\/desc>/<desc>Milliseconds of each question, as the tables below have them<\/desc>/' -e '/<title>Gnuplot<\/title>/s/Gnuplot/Milliseconds of the same questions, a year of one bot/' "$top/doc/performance-$1.svg"
}

# plots COLOUR...: what gnuplot draws, for each side that was measured.
plots()
{
	for side in 'ours 7 kindly_stats' 'peers 5 DuckDB' 'timescale 13 TimescaleDB columnstore' 'best 9 SQL, tuned' 'hand 11 SQL, as one would write it'; do
		figures=$data/${side%% *} shape=${side#* }
		[ -s "$figures" ] && printf "%s'%s' using 1:2 with points pointtype %s pointsize 0.9 linecolor rgb '%s' title '%s'" \
			"${comma-}" "$figures" "${shape%% *}" "$1" "${shape#* }" && comma=', '
		shift
	done
}

command -v gnuplot >/dev/null || install_packages gnuplot-nox
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
figures_of questions '| Question | bound | typed' 4 >"$data/questions"
questions=$(grep -c . "$data/questions")
tics=$(awk -F '\t' '{ printf "%s\"%s\" %d", (NR > 1 ? ", " : ""), $1, -NR }' "$data/questions")
series ours questions '| Question | bound | typed' 4
series hand questions '| Question | bound | hand-written' 4
series best questions '| Question | bound | hand-written' 7
series peers questions '| Question | DuckDB |' 3
series timescale timescale '| Question | typed function | columnstore' 4
draw light '#333333' '#e3e3e3' '#0b62c4' '#d98b00' '#8a5cc2' '#4d8f5b' '#b0413e'
draw dark '#d8d8d8' '#3a3a3a' '#6cb2ff' '#ffc04d' '#c3a0f0' '#8fd19e' '#ff8f8a'
