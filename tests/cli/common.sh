# shellcheck shell=bash
# For the tests of the program, sourced. Environment: BALLAST the program, FIXTURE and JSON_HAS the helpers,
# ROOT the source tree. Each test works in a folder of its own, which goes away.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0
export LC_ALL=C
for variable in $(env | sed -n 's/^\(BALLAST_[A-Z_]*\)=.*/\1/p'); do
    case $variable in BALLAST_DATA | BALLAST_REQUIRE_DATA) ;; *) unset "$variable" ;; esac
done

wrong() { # what is wrong, with the last command's output
    echo "FAILED: $*"
    sed 's/^/    out: /' "$folder/out" | head -20
    sed 's/^/    err: /' "$folder/err" | head -20
    failures=$((failures + 1))
}

# run CODE WORDS...: `ballast WORDS...` must end with CODE; leaves out and err.
run() {
    wanted=$1
    shift
    line="ballast $*"
    "$BALLAST" "$@" >"$folder/out" 2>"$folder/err" </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || wrong "$line: exit code $code, $wanted expected"
    # Whatever happened was not a finding of a sanitizer.
    ! grep -q -e 'Sanitizer' -e 'runtime error' "$folder/err" || wrong "$line: sanitizer"
}
err() { grep -q -e "$1" "$folder/err" || wrong "$line: stderr lacks: $1"; }
out() { grep -q -e "$1" "$folder/out" || wrong "$line: stdout lacks: $1"; }
no_err() { [ ! -s "$folder/err" ] || wrong "$line: stderr is not empty"; }
no_out() { [ ! -s "$folder/out" ] || wrong "$line: stdout is not empty"; }
json() { "$JSON_HAS" "$@" || wrong "$line: JSON"; }

commands() { # their names, a line each, in the order of the help
    "$BALLAST" help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\( [a-z][a-z]*\)\{0,1\}\)  .*/\1/p'
}

finish() {
    [ "$failures" -eq 0 ] && exit 0
    echo "$failures failed"
    exit 1
}
