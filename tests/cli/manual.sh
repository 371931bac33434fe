#!/usr/bin/env bash
# The manual: the pages are those that the program writes, every page is linked, the man page is sound, and
# every example runs. An example is a line "$ COMMAND" of a ```console block; lines after it are what it
# must print ("..." stands for any lines; none: only success is asked).
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
manual=$ROOT/docs/manual
# shellcheck disable=SC2034
line="manual"

mkdir pages
run 0 manual --markdown pages
for page in pages/*.md; do
    name=$(basename "$page")
    diff "$manual/$name" "$page" >out 2>err ||
        wrong "docs/manual/$name is old; write it with: ballast manual --markdown docs/manual"
    grep -q "($name)" "$manual/README.md" || wrong "docs/manual/README.md does not link $name"
done
for page in "$manual"/*.md; do
    name=$(basename "$page")
    [ "$name" = README.md ] || [ -e "pages/$name" ] || wrong "docs/manual/$name is of no command"
done
run 0 manual --roff
out '^.TH BALLAST 1'
if command -v groff >/dev/null; then
    warnings=$(groff -man -ww -Tascii out 2>&1 >/dev/null)
    [ -z "$warnings" ] || wrong "man page: $warnings"
fi

if ! "$BALLAST" data info fashion-mnist >out 2>err; then
    [ -z "${BALLAST_REQUIRE_DATA:-}" ] || wrong "fashion-mnist is missing, no example was run"
    [ "$failures" -eq 0 ] || finish
    echo "skipped: the examples want fashion-mnist"
    exit 77
fi

# matches EXPECTED FOUND: files, with "..." for any lines
matches() {
    awk 'NR == FNR { want[++n] = $0; next }
        { got[++m] = $0 }
        END {
            at = 1; any = 0
            for (i = 1; i <= n; i++) {
                if (want[i] == "...") { any = 1; continue }
                while (any && at <= m && got[at] != want[i]) at++
                if (at > m || got[at] != want[i]) { print "not printed: " want[i]; exit 1 }
                at++; any = 0
            }
            if (!any && at <= m) { print "not expected: " got[at]; exit 1 }
        }' "$1" "$2"
}

examples=0
example() { # the command; what it must print is in the file expected
    line=$1
    examples=$((examples + 1))
    PATH="$folder/bin:$PATH" bash -c "$1" >"$folder/out" 2>&1 </dev/null ||
        wrong "$2: $1: exit code $?"
    [ -s "$folder/expected" ] || return 0
    why=$(matches "$folder/expected" "$folder/out") || wrong "$2: $1: $why"
}

run_page() {
    inside=false command='' more=false page=$(basename "$1")
    : >"$folder/expected"
    while IFS= read -r text; do
        if [ "$text" = '```console' ]; then
            inside=true
        elif ! $inside; then
            continue
        elif [ "$text" = '```' ] || [ "${text:0:2}" = '$ ' ]; then
            [ -z "$command" ] || example "$command" "$page"
            : >"$folder/expected"
            command=${text:2}
            [ "$text" != '```' ] || { inside=false command=''; }
        elif $more; then
            command=$command$'\n'$text
        else
            echo "$text" >>"$folder/expected"
        fi
        more=false
        [ "${text: -1}" != "\\" ] || more=true
    done <"$1"
}

mkdir bin tour commands
ln -s "$BALLAST" bin/ballast
for place in tour commands; do (cd "$place" && "$FIXTURE") || wrong "fixture"; done
cd "$folder/tour" && run_page "$manual/README.md"
cd "$folder/commands" || exit 1
while read -r name; do # in the order of the commands: later ones use what earlier ones left
    run_page "$manual/$name.md"
done < <(commands | tr ' ' '-')
[ "$examples" -ge 25 ] || wrong "only $examples examples were found"
echo "$examples examples"
finish
