#!/usr/bin/env bash
# Results on stdout, talk on stderr, JSON where it was asked for; output that is lost is a failure.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1

run 0 data list --json list.json
out '^formats'
json list.json known.0.name known.0.about known.0.how_to_get formats.0.name
run 0 data info tiny --json -
json out name='"tiny"' format='"idx"' classes.2.train items.test=60 imbalance height=12
run 0 data info tiny --json info.json
out '^3 classes, images 12 x 12 with 1 channel'
cmp -s <("$BALLAST" data info tiny --json -) info.json || wrong "--json - and --json FILE differ"
run 0 data info tiny --json
json out name licence=null note=null bytes_decoded=40896 groups=0
mkdir -p sizes/a sizes/b
cp shoe.png sizes/a/1.png
cp bag.jpg sizes/b/1.jpg
run 0 data info sizes
out '^2 classes; of the images not all are alike: .*1.png has 28x28 .*1.jpg has 40x40'
run 0 data info sizes --json -
json out height=null width=null channels=null bytes_decoded=null note classes.1.train=1
run 0 data info sizes --img-size 8
out '^2 classes, images 8 x 8 with 1 channel'
echo damaged >sizes/b/1.jpg
run 0 data info sizes
out 'not all are alike: .*b/1.jpg: '
run 0 data info things.csv --img-size 28 --json -
json out format='"csv"' groups=2 weighted=true classes.1.name='"shoe"'
run 0 data info things.csv --img-size 28
out '^2 groups, each in one split'
out '^training images have weights'
run 0 data longtail tiny exp:10 --json -
json out classes.0.after=16 longtail='"exp:10"'
run 0 methods --json
json out recipes.0.name losses.0.formula samplers.0.formula models.0.name metrics.0.name \
    engines.0.name recipe-keys.0.about ops.0.name augmentations.0.name class-weights.0.formula
run 0 methods recipes --json -
json out recipes.0.name
run 0 methods --yaml ce
out '^name: ce$'
run 0 methods recipes
awk 'length > 80 { exit 1 }' out || wrong "methods recipes is wider than 80"

# lost output
for words in 'help' 'methods' 'version' 'data info tiny' 'data info tiny --json -' 'manual --roff'; do
    read -r -a part <<<"$words"
    "$BALLAST" "${part[@]}" >/dev/full 2>err
    code=$?
    line="ballast $words >/dev/full"
    [ "$code" -eq 1 ] || wrong "$line: exit code $code, 1 expected"
    err 'standard output: No space left on device'
    "$BALLAST" "${part[@]}" >&- 2>err
    code=$?
    line="ballast $words >&-"
    [ "$code" -eq 1 ] || wrong "$line: exit code $code, 1 expected"
done
# a reader that has gone: failed, quietly
"$BALLAST" methods 2>err | true
code=${PIPESTATUS[0]}
[ "$code" -le 1 ] || wrong "methods | true: exit code $code"
: >out
mkfifo pipe
# shellcheck disable=SC2094
exec 3<>pipe 4>pipe 3>&-
"$BALLAST" methods >&4 2>err
code=$?
exec 4>&-
line="ballast methods into a closed pipe"
[ "$code" -eq 1 ] || wrong "exit code $code, 1 expected"
no_err
run 1 version --json /dev/full
err '/dev/full: No space left'
run 0 version --json /dev/null
[ -c /dev/null ] || wrong "/dev/null was replaced"
run 1 version --json no/such/folder/x.json
err 'no/such/folder/x.json'
run 1 version --json tiny
[ -d tiny ] || wrong "a folder was replaced"

# colours are for terminals
run 2 nonsense
! grep -q "$(printf '\033')" err || wrong "colours in a file"
if command -v script >/dev/null; then
    TERM=xterm script -qec "'$BALLAST' nonsense" /dev/null >out </dev/null
    grep -q "$(printf '\033')" out || wrong "no colours on a terminal"
    TERM=xterm NO_COLOR=1 script -qec "'$BALLAST' nonsense" /dev/null >out </dev/null
    ! grep -q "$(printf '\033')" out || wrong "NO_COLOR: colours"
fi
finish
