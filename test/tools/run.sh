#!/bin/sh
# run.sh: BI tools alone, all of them or those of check.sh, on a throwaway server.
#
#     sh test/tools/run.sh [small]

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/suites.sh
. "$top/test/suites.sh"
# shellcheck source=http/lib.sh
. "$top/http/lib.sh"
# shellcheck source=test/clients/suite.sh
. "$top/test/clients/suite.sh"
# shellcheck source=test/tools/suite.sh
. "$top/test/tools/suite.sh"

run_begins tools
copy_sources "$place/tree"
if build_suite && start_server "$place/server"; then
	tools_suite "${1:-large}"
	stop_server "$place/server"
fi
# shellcheck disable=SC2034 # finish, in suites.sh, reads it
ended=1
